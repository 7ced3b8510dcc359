"""The reader as a web service: ``python -m utils serve``. Nothing in here loads TensorFlow.

In go images over HTTP, from the page or from programs; out comes JSON with what was read, or a sentence that says why
not. ``create_app`` makes the application, for a server or a test client; ``serve`` runs it; every limit is a field of
``Settings``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"app": ["create_app"], "server": ["serve"], "settings": ["Settings"]}
)
