"""Who is looking: a page with cells, or nobody."""

from IPython import get_ipython


def in_live_page() -> bool:
    """Say whether the code runs in a cell of a page that a person looks at.

    JupyterLab, Jupyter Notebook, VS Code and Colab send a cell's number and the like along with its code; nbconvert,
    nbclient and nbval, which run a notebook without a page, do not, and a terminal has no kernel at all.

    Returns
    -------
    bool
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and bool(kernel.get_parent("shell").get("metadata"))
