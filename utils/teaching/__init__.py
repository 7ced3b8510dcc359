"""What a teacher makes out of the series: a folder for a class, in the edition that it is for.

In go the notebooks as they are in ``notebooks/``; out comes a folder to give away. What differs between the editions
stands in the cells' metadata, where nobody who reads a notebook sees it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "editions": ["for_grading", "for_students", "for_teacher"],
        "handout": ["EDITIONS", "write_handout"],
        "own": ["find_added", "find_own", "forget"],
        "site": ["write_site"],
    },
)
