"""What the last readings were like, in numbers: enough to notice that something has changed, and nobody's image."""

from collections import deque


class Recent:
    """Counts over the last readings.

    Parameters
    ----------
    size
        Over so many.
    """

    def __init__(self, size: int) -> None:
        self._last: deque[tuple[bool, list[int]]] = deque(maxlen=size)

    def add(self, record: dict) -> None:
        """Count a reading: whether it was sure, and which digits it gave; nothing else of it is kept.

        Parameters
        ----------
        record
            What ``--json`` prints of it.
        """
        digits = record["digits"]
        sure = bool(digits) and all(digit["confident"] for digit in digits)
        self._last.append((sure, [digit["digit"] for digit in digits]))

    def count(self) -> dict:
        """Return how many readings there are, how many of them were unsure, and how often each digit was given."""
        given = [digit for _, digits in self._last for digit in digits]
        unsure = sum(not sure for sure, _ in self._last)
        return {"readings": len(self._last), "unsure": unsure, "answers": [given.count(digit) for digit in range(10)]}
