"""Try a student's function on cases, and say in words what is right or wrong about it."""

import copy
import linecache
import traceback
import warnings
from collections.abc import Callable, Mapping

import numpy as np

from utils.lesson.checks import CHECKS, Check, EndlessError
from utils.lesson.wording import Ending, describe_case, describe_difference, differs, show

#: What a call of a student's function may end in; an interrupt is not caught.
FAILURES = (Exception, SystemExit)


def check(function: Callable) -> None:
    """Try a function on the cases that `utils.lesson.checks` has under its name; print a line or two.

    Parameters
    ----------
    function
        The student's. Whatever it does, nothing is raised.
    """
    print(judge(function, CHECKS))


def is_right(function: Callable) -> bool:
    """Say whether `check` would call a function right, for grading.

    Parameters
    ----------
    function
        The student's. Whatever it does, nothing is raised.

    Returns
    -------
    bool
        True if it gives what is expected in every case.
    """
    return _judge(function, CHECKS)[0]


def judge(function: object, checks: Mapping[str, Check]) -> str:
    """Say what `check` prints.

    Parameters
    ----------
    function
        The student's.
    checks
        By a function's name, how it is tried.

    Returns
    -------
    str
        One or a few lines.
    """
    return _judge(function, checks)[1]


def _judge(function: object, checks: Mapping[str, Check]) -> tuple[bool, str]:
    """Say whether a function is right, and what is to be said of it."""
    if not callable(function):
        return False, (
            f"check needs a function, and this is {show(function)}: write its name alone, without brackets behind it."
        )
    name = getattr(function, "__name__", type(function).__name__)
    if name not in checks:
        return False, f"{name}: there is no check for a function of this name. Is it spelled as in the text?"
    check = checks[name]
    expected = [check.outcome(check.right, copy.deepcopy(case)) for case in check.cases]
    given, problem = _try(name, function, check, expected)
    if problem is None:
        wrong = [
            index
            for index, (result, right, case) in enumerate(zip(given, expected, check.cases, strict=True))
            if differs(check.matters(result, case), check.matters(right, case), check.tolerance)
        ]
        if not wrong:
            return True, f"{name}: right, in {len(expected)} of {len(expected)} cases."
        sentence = _known_mistake(given, expected, check)
        case = describe_case(name, check.cases[wrong[0]])
        difference = describe_difference(given[wrong[0]], expected[wrong[0]], check.tolerance)
        lines = [f"{name}: right in {len(expected) - len(wrong)} of {len(expected)} cases.", sentence]
        problem = "\n".join([line for line in lines if line] + [f"{case} {difference}"])
    return False, f"{problem}\nHint: {check.hint}" if check.hint else problem


def _try(name: str, function: Callable, check: Check, expected: list) -> tuple[list, str | None]:
    """Call the function on every case; return what it gives, and what is wrong apart from the values."""
    given = []
    for case, right in zip(check.cases, expected, strict=True):
        mine = copy.deepcopy(case)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = check.outcome(function, mine)
        except EndlessError as error:
            return given, f"{name}: {error}"
        except FAILURES as error:
            return given, f"{name}: {_describe_failure(function, error)}"
        if result is None or result is Ellipsis:
            return given, f"{name}: nothing is returned yet." if not given else _nothing(name, case, right)
        if isinstance(result, tuple) and any(one is Ellipsis for one in result):
            return given, f"{name}: the dots in its last line are still there."
        for number, (before, after) in enumerate(zip(case, mine, strict=True), start=1):
            if isinstance(before, np.ndarray | list | dict) and differs(after, before, 0):
                which = _parameter(function, number)
                return given, (
                    f"{name}: it changes {which}, which is still needed outside the function. "
                    "Compute something new, or work on a copy."
                )
        given.append(_copy(result))
    return given, None


def _nothing(name: str, case: tuple, right: object) -> str:
    """Say what is missing in a function that gives nothing in one case, and something in another."""
    call = describe_case(name, case)
    if isinstance(right, Ending):
        missing = f"`raise {right.error}(…)` is missing" if right.how == "raised" else f"`{right.error}` is lost"
        return f"{call} gives nothing: {missing}."
    return f"{call} gives nothing: no `return` is reached there."


def _copy(result: object) -> object:
    """Copy a result, which the next call could change; not what cannot be copied, such as a generator."""
    try:
        return copy.deepcopy(result)
    except Exception:
        return result


def _known_mistake(given: list, expected: list, check: Check) -> str | None:
    """Find the mistake that gives exactly this, in every case."""
    for sentence, wrong in check.mistakes.items():
        try:
            with np.errstate(all="ignore"):
                theirs = [check.outcome(wrong, copy.deepcopy(case)) for case in check.cases]
        except FAILURES:
            continue
        if not any(differs(one, other, check.tolerance) for one, other in zip(given, theirs, strict=True)):
            return sentence
    return None


def _describe_failure(function: Callable, error: BaseException) -> str:
    """Say how a call failed, and in which line of the student's code."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    code = getattr(function, "__code__", None)
    frames = [] if code is None else [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == code.co_filename
    ]  # fmt: skip
    if not frames:
        return f"it cannot be called: {what}"
    line = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()
    return f"it stops at the line `{line}` with {what}" if line else f"it stops with {what}"


def _parameter(function: Callable, number: int) -> str:
    code = getattr(function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    return f"its argument `{names[number - 1]}`" if number <= len(names) else f"its argument number {number}"
