"""The page that reads in the visitor's own browser: ``python -m utils page``. Nothing is asked of a server.

In go the service's page, the reader in JavaScript, and the shipped network; out comes a folder for any web server,
which works without a connection afterwards. ``reader/`` has the modules of `utils.reader` under the same names, in
JavaScript; ``learning/`` a small network that is trained on the page.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"build": ["PAGES", "may_write_page", "write_page"], "network": ["export_for_browser"]}
)
