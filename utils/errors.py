"""The one kind of error that is meant for the person at the screen."""


class DigitsError(Exception):
    """Something the user can put right.

    Its message is one line: what is wrong, with which file, and what to do. The command line prints it
    without a traceback, and so does a notebook.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython's hook: the message is what helps here, the stack is not.
        return [f"{type(self).__name__}: {self}"]
