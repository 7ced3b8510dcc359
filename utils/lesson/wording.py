"""Values in words: what a call was given, what came out, and how that differs from what should have."""

from dataclasses import dataclass

import numpy as np

#: An array with more numbers than that is told by its shape.
FEW = 12


@dataclass(frozen=True)
class Ending:
    """An error in which a call ends as it should.

    Attributes
    ----------
    error
        The error's name.
    how
        ``"raised"`` by the function itself, or ``"let through"``.
    """

    error: str
    how: str


def show(value: object, digits: int = 4) -> str:
    """Write a value as a student would read it, in a few words, with so many digits of each number."""
    if hasattr(value, "in_words"):
        return value.in_words
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__ if value.__name__ != "<lambda>" else "a function"
    if isinstance(value, tuple):
        return f"({', '.join(show(one, digits) for one in value)})"
    if isinstance(value, str | bytes | dict | set | None):
        text = f"{{{', '.join(sorted(map(repr, value)))}}}" if isinstance(value, set) and value else repr(value)
        return text if len(text) <= 70 else f"{text[:67]}…"
    array = as_array(value)
    if array is None:
        return _kind(value)
    if array.ndim == 0:
        return _number(array.item(), digits)
    return f"an array of shape {array.shape}" if array.size > FEW else _nested(array, digits)


def _nested(array: np.ndarray, digits: int) -> str:
    if array.ndim == 0:
        return _number(array.item(), digits)
    return f"[{', '.join(_nested(part, digits) for part in array)}]"


def _number(value: object, digits: int) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) and abs(value) < 1e4 else f"{value}"


def as_array(value: object) -> np.ndarray | None:
    """Take numbers, arrays, tensors and lists of them as arrays; None for anything else."""
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array if array.dtype.kind in "biufc" else None


def describe_case(name: str, case: tuple) -> str:
    """Write the call: ``slope_at(2, [1, 3])``, or where that says nothing, what the arguments are."""
    return f"{name}({', '.join(map(show, case))})"


def differs(given: object, right: object, tolerance: float) -> bool:
    """Say whether a result is not what it should be."""
    return bool(_compare(given, right, tolerance))


def describe_difference(given: object, right: object, tolerance: float) -> str:
    """Say how a result differs from what it should be, as the end of a sentence about the call."""
    return _compare(given, right, tolerance)


def _compare(given: object, right: object, tolerance: float) -> str:
    if isinstance(right, Ending) or isinstance(given, Ending):
        return _compare_endings(given, right)
    if isinstance(right, tuple):
        return _compare_tuples(given, right, tolerance)
    if isinstance(right, dict) and isinstance(given, dict) and given.keys() == right.keys():
        words = ((key, _compare(given[key], value, tolerance)) for key, value in right.items())
        return next((f"{word} That is under {key!r}." for key, word in words if word), "")
    expected = as_array(right)
    if expected is None:
        return "" if isinstance(given, type(right)) and given == right else _instead(given, right)
    array = as_array(given)
    if array is None or isinstance(given, tuple) or (isinstance(given, list) and not isinstance(right, list)):
        truth = expected.dtype.kind == "b" and (expected.ndim == 0 or isinstance(given, list | np.ndarray))
        number = "a number" if expected.ndim == 0 else "an array" if not isinstance(right, list) else "a list"
        kind = "True or False" if truth else number
        return f"gives {_kind(given)}, and {kind} is asked for."
    if array.shape != expected.shape:
        return f"gives {_shape(array)}, and {_shape(expected)} is asked for."
    return _compare_numbers(array, expected, tolerance)


def _compare_endings(given: object, right: object) -> str:
    try:
        if given == right:
            return ""
    except ValueError:  # an array, whose numbers are compared one by one, is no ending
        pass
    what = f"ends in `{given.error}`" if isinstance(given, Ending) else f"gives {show(given)}"
    if isinstance(right, Ending):
        return f"{what}, and `{right.error}` is to be {right.how}."
    return f"{what}, and {show(right)} is right."


def _compare_tuples(given: object, right: tuple, tolerance: float) -> str:
    if not isinstance(given, tuple | list):
        return f"gives {_kind(given)}, and {len(right)} values are asked for, with a comma between them."
    if len(given) != len(right):
        return f"gives {len(given)} values, and {len(right)} are asked for."
    for number, (one, other) in enumerate(zip(given, right, strict=True), start=1):
        if words := _compare(one, other, tolerance):
            return f"{words} That is value {number} of {len(right)}."
    return ""


def _compare_numbers(array: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    close = np.isclose(array, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    if close.all():
        return ""
    undefined = np.isnan(array) & ~np.isnan(expected)
    if undefined.any():
        where = "" if array.ndim == 0 else f" at {_place(undefined)}"
        return f"gives nan{where}, which is no number: something was divided by 0, or a logarithm taken of 0."
    if array.size <= FEW:
        return _instead(array, expected)
    wrong = ~close
    at = tuple(np.argwhere(wrong)[0])
    return (
        f"gives {show(array[at])} at {_place(wrong)}, and {show(expected[at])} is right "
        f"({wrong.sum():,} of {wrong.size:,} numbers differ)."
    )


def _place(marked: np.ndarray) -> str:
    return f"[{', '.join(map(str, np.argwhere(marked)[0]))}]"


def _instead(given: object, right: object) -> str:
    digits = 4 if show(given) != show(right) else 10
    return f"gives {show(given, digits)}, and {show(right, digits)} is right."


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, list):
        return "a list of text" if value and all(isinstance(one, str) for one in value) else "a list"
    if isinstance(value, np.ndarray):
        return "an array of text" if value.dtype.kind == "U" else "an array"
    if isinstance(value, str):
        return f"text ({show(value)})"
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return "a number"
    named = {dict: "a dictionary", bool: "True or False", np.bool_: "True or False"}
    name = type(value).__name__
    return named.get(type(value), f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}")


def _shape(array: np.ndarray) -> str:
    return "a number" if array.ndim == 0 else f"an array of shape {array.shape}"
