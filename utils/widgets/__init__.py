"""What moves in the notebooks: each widget is one function, which a notebook calls in a line.

In go arrays or a trained network; out comes a panel that follows clicks, and a picture in its stead for those who read
the notebook without running it. ``LiveCurves`` is the exception: a Keras callback, which shows a training and lets it
be stopped.

All are made of plain ipywidgets, except the drawing pad and the Stop button, which need the browser's help. Nothing is
loaded from the net.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "panel": ["Panel", "say"],
        "explore": ["explore_digits"],
        "prepare": ["try_preparation"],
        "descent": ["try_descent"],
        "window": ["slide_window"],
        "build": ["try_network"],
        "live": ["LiveCurves"],
        "front_end": ["in_live_page"],
        "experiment": ["try_training"],
        "evaluate": ["browse_confusion", "try_threshold"],
        "inside": ["look_inside", "occlusion_map", "show_occlusion"],
        "pad": ["drawing_pad"],
        "damage": ["try_damage"],
        "distort": ["try_distortions"],
        "uploads": ["example_uploads", "try_uploads"],
    },
)
