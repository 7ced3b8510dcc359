"""Compare what a notebook prints with what is stored: everything exactly, but for the numbers that its cells mark.

A cell says in its metadata, where no student sees it, what may differ and what must hold::

    "tests": {
        "varies": {"accuracy #%": "± 1", "in # s": "× 20"},
        "holds": ["accuracy > 0.97 or not mnist.complete"]
    }

``#`` stands for a number in the printed text around it, which is taken as it is written; a space before a number does
not count. A fresh number passes if it differs from the stored one by no more than the bound: by so much (±), or by such
a factor (×, give or take one unit of the last digit that is printed). What holds is asked of the kernel after the cell,
whichever MNIST there is.
"""

import re
from collections.abc import Mapping, Sequence

import pytest

NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"


def within(fresh: str, stored: str, bound: str) -> bool:
    """Say whether two printed numbers differ by no more than a bound such as ``± 0.5`` or ``× 20``."""
    new, old = (float(text.replace(",", "")) for text in (fresh, stored))
    sign, most = bound[0], float(bound[1:])
    if sign == "±":
        return abs(new - old) <= most * (1 + 1e-9)
    if sign != "×" or min(new, old) < 0:
        return False
    unit = max(10.0 ** -len(text.partition(".")[2]) for text in (fresh, stored))
    return new <= most * old + unit and old <= most * new + unit


def pattern(key: str) -> re.Pattern:
    """Make the pattern that finds the numbers of a key, each in a group of its own."""
    return re.compile(rf"\s*({NUMBER})".join(re.escape(part) for part in key.split("#")))


def align(fresh: str, stored: str, varies: Mapping[str, str]) -> str:
    """Put the stored numbers in the place of fresh ones that lie within their bounds.

    Parameters
    ----------
    fresh, stored
        What a cell has printed now, and then.
    varies
        What may differ, and by how much.

    Returns
    -------
    str
        The fresh text. It equals the stored one if nothing differs but what may.
    """
    for key, bound in varies.items():
        new, old = (list(pattern(key).finditer(text)) for text in (fresh, stored))
        if len(new) != len(old):
            continue
        pieces, end = [], 0
        for a, b in zip(new, old, strict=True):
            near = all(within(x, y, bound) for x, y in zip(a.groups(), b.groups(), strict=True))
            pieces += [fresh[end : a.start()], b[0] if near else a[0]]
            end = a.end()
        fresh = "".join([*pieces, fresh[end:]])
    return fresh


def align_outputs(fresh: Sequence[Mapping], stored: Sequence[Mapping], varies: Mapping[str, str]) -> list[Mapping]:
    """Do the same for the outputs of a cell, in the form of nbformat's nodes; return new ones."""
    if len(fresh) != len(stored):
        return list(fresh)
    return [_align_output(new, old, varies) for new, old in zip(fresh, stored, strict=True)]


def _align_output(fresh: Mapping, stored: Mapping, varies: Mapping[str, str]) -> Mapping:
    changed = type(fresh)(fresh)
    if "text" in fresh and "text" in stored:
        changed["text"] = align(fresh["text"], stored["text"], varies)
    if "data" in fresh and "data" in stored:
        changed["data"] = {
            kind: align(value, stored["data"][kind], varies)
            if kind.startswith("text/") and isinstance(stored["data"].get(kind), str)
            else value
            for kind, value in fresh["data"].items()
        }
    return changed


def pytest_itemcollected(item: pytest.Item) -> None:
    """Align a cell's outputs before they are compared."""
    if varies := _rules(item).get("varies"):
        compare = item.compare_outputs
        item.compare_outputs = lambda fresh, stored: compare(align_outputs(fresh, stored, varies), stored)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> object:
    """Ask the kernel, when a cell has been run, whether what the cell claims holds."""
    result = yield
    for claim in _rules(item).get("holds", ()):
        client = item.parent.kernel.kc
        reply = client.execute("", silent=True, user_expressions={"claim": f"bool({claim})"}, reply=True, timeout=300)
        answer = reply["content"]["user_expressions"]["claim"]
        if answer.get("data", {}).get("text/plain") != "True":
            pytest.fail(f"does not hold: {claim} ({answer.get('evalue', 'False')})", pytrace=False)
    return result


def _rules(item: pytest.Item) -> Mapping:
    return item.cell.metadata.get("tests", {}) if hasattr(item, "cell") else {}
