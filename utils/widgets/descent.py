"""Notebooks 03 and 04: walk down a curve by gradient descent, step by step."""

import math
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from utils.plots import BLUE, ORANGE, RED
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture, say

Loss = Callable[[float], float]

MOST_STEPS = 30
#: So many steps in each panel of the picture that is stored.
FEW_STEPS = 10


def descend(loss: Loss, start: float, rate: float, steps: int) -> tuple[list[float], list[float], list[float]]:
    """Take steps of gradient descent, w ← w − rate · slope.

    Parameters
    ----------
    loss
        A function of one number.
    start
        Where to begin.
    rate
        The learning rate.
    steps
        How many steps; fewer are taken if the numbers become too large for a computer.

    Returns
    -------
    places, losses, slopes
        Of the start, and of the place after each step.
    """
    places, losses, slopes = [float(start)], [_value(loss, start)], [_slope(loss, start)]
    for _ in range(steps):
        place = places[-1] - rate * slopes[-1]
        found = place, _value(loss, place), _slope(loss, place)
        if not np.isfinite(found).all():
            break
        for values, value in zip((places, losses, slopes), found, strict=True):
            values.append(value)
    return places, losses, slopes


def try_descent(
    loss: Loss, start: float, low: float, high: float, rate: float = 0.5, rates: Sequence[float] | None = None
) -> Panel:
    """Walk down a curve: choose where to start, the learning rate and how many steps to take.

    Parameters
    ----------
    loss
        A function of one number, such as ``lambda w: w**2``. Its slope is measured by a small difference.
    start
        Where to begin.
    low, high
        From where to where the curve is drawn.
    rate
        The learning rate to begin with.
    rates
        Three learning rates for the stored picture: too small, good and too large. By default they are looked for.

    Returns
    -------
    Panel
        Sliders for start, learning rate and steps; the curve with the path and the tangent at its end, the loss after
        each step, and the last step in numbers. Its stored picture shows rates that are too small, good and too large.

    Raises
    ------
    ValueError
        If low, start and high are not in this order, the rate is not above 0, or the loss has no value at the start.
    """
    if not low <= start <= high or low == high:
        raise ValueError(f"start must lie between low and high, and {start} does not lie between {low} and {high}.")
    if not rate > 0:
        raise ValueError(f"The learning rate must be above 0, not {rate}.")
    if not math.isfinite(_value(loss, start)):
        raise ValueError(f"The loss at {start} is {_value(loss, start)}: begin where it is a number.")
    curve = np.linspace(low, high, 401)
    heights = np.array([_value(loss, place) for place in curve])

    begin = widgets.FloatSlider(
        description="Start", min=low, max=high, value=start, step=_round_down((high - low) / 100),
        readout_format=".2f", style=WIDE, layout={"width": "24em"},
    )  # fmt: skip
    size = widgets.SelectionSlider(
        description="Learning rate", options=[(f"{one:g}", one) for one in _rates(rate)], value=rate, style=WIDE,
        layout={"width": "24em"},
    )  # fmt: skip
    count = widgets.IntSlider(description="Steps", max=MOST_STEPS, style=WIDE, layout={"width": "24em"})
    step = widgets.Button(description="One step", tooltip="Take one more step down the slope")
    back = widgets.Button(description="Start over", tooltip="Go back to the start")
    words, path, fall = widgets.HTML(), Picture(), Picture()

    def show(_: object = None) -> None:
        walk = descend(loss, begin.value, size.value, count.value)
        step.disabled = count.value == MOST_STEPS
        path.show(_path_figure(curve, heights, *walk), f"the curve, and {len(walk[0]) - 1} steps on it")
        fall.show(_fall_figure(heights, walk[1]), f"the loss against the step: {_write(walk[1][-1])} at the end")
        # The words come last: who reads them has the pictures that belong to them.
        lines = _tell(*walk, size.value, count.value, low, high)
        words.value = (
            f'<div style="font-size: 16px; line-height: 1.5; min-height: 4.5em">{say("<br>".join(lines))}</div>'
        )

    def set_count(value: int) -> None:
        count.value = value

    for control in (begin, size, count):
        control.observe(show, "value")
    step.on_click(lambda _: set_count(count.value + 1))
    back.on_click(lambda _: set_count(0))
    show()
    return Panel(
        [
            widgets.HBox([begin, size, count, widgets.HBox([step, back])], layout=BESIDE),
            words,
            widgets.HBox([path, fall], layout=BESIDE),
        ],
        "Walk down a curve",
        lambda: _figure(loss, curve, heights, start, rates or _three_rates(loss, curve, heights, start, rate)),
    )


def _value(loss: Loss, place: float) -> float:
    """Ask for the loss at a place; NaN where it has none."""
    try:
        with np.errstate(all="ignore"):
            return float(loss(float(place)))
    except (ArithmeticError, ValueError):  # a square root of less than 0, a power that is too large
        return math.nan


def _slope(loss: Loss, place: float) -> float:
    """Measure how steep the curve is: a small way to the left and to the right."""
    small = 1e-5 * max(1.0, abs(place))
    return (_value(loss, place + small) - _value(loss, place - small)) / (2 * small)


def _rates(rate: float) -> list[float]:
    """List learning rates for a slider, up to 100 at least, about equally far apart on a logarithmic scale."""
    lowest, highest = min(-3, math.floor(math.log10(rate))), max(2, math.ceil(math.log10(rate)))
    steps = (1, 1.5, 2, 3, 4, 6)
    listed = {float(f"{first}e{power}") for power in range(lowest, highest) for first in steps}
    return sorted(listed | {10.0**highest, rate})


def _round_down(value: float) -> float:
    """Find the highest of …, 0.1, 0.2, 0.5, 1, … that is not above a value."""
    power = math.floor(math.log10(value))
    return max(float(f"{first}e{power}") for first in (1, 2, 5) if float(f"{first}e{power}") <= value or first == 1)


def _write(value: float, digits: int = 2) -> str:
    """Write a number with a true minus sign, and a large one with a power of ten."""
    if not math.isfinite(value):
        return "no number"
    if abs(value) >= 1e5:
        first, power = f"{value:.2e}".split("e+")
        text = f"{first} · 10{str(int(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    else:
        text = f"{value:.{digits}f}"
        text = text.removeprefix("-") if not text.strip("-0.") else text
    return text.replace("-", "−")


def _digits(change: float) -> int:
    """Say how many decimals a step needs to be seen in numbers."""
    return 2 if change == 0 else int(np.clip(1 - math.floor(math.log10(abs(change))), 2, 5))


def _equation(place: float, rate: float, slope: float, new: float) -> str:
    """Write a step in numbers, with ≈ if they are rounded so that they do not add up."""
    digits = _digits(rate * slope)
    exact = (
        max(abs(place), abs(new)) < 1e5
        and abs(round(place, digits) - rate * round(slope, digits) - round(new, digits)) < 0.5 * 10**-digits
    )
    written = _write(slope, digits)
    written = f"({written})" if written.startswith("−") else written
    sign = "=" if exact else "≈"
    return f"w = {_write(place, digits)} − {rate:g} · {written} {sign} {_write(new, digits)}"


def _tell(
    places: Sequence[float], losses: Sequence[float], slopes: Sequence[float], rate: float, steps: int, low: float,
    high: float,
) -> list[str]:  # fmt: skip
    """Put the last step into words: the step in numbers, what became of the loss, and what is wrong, if anything is."""
    taken = len(places) - 1
    if not taken and steps:
        return ["From here no step can be taken: the numbers are too large for a computer."]
    if not taken:
        return [
            f"w = {_write(places[0])}, the loss is {_write(losses[0])}, the slope {_write(slopes[0])}.",
            "A step: w ← w − learning rate · slope",
        ]
    old, new = losses[-2:]
    digits = _digits(new - old)
    change = f"from {_write(old, digits)} to {_write(new, digits)}"
    lines = [f"Step {taken}: {_equation(places[-2], rate, slopes[-2], places[-1])}"]
    if abs(new - old) < 5e-6 * max(1.0, abs(old)):
        jumps = abs(places[-1] - places[-2]) > 0.01 * (high - low)
        why = "the point jumps to and fro" if jumps else f"the slope is {_write(slopes[-1])}"
        lines.append(f"The loss stays at {_write(new)}: {why}.")
    elif new < old:
        lines.append(f"The loss falls {change}.")
    else:
        lines.append(f"The step overshot: the loss has grown {change}.")
    if taken < steps:
        lines.append("One step more, and the numbers are too large for a computer: choose a smaller learning rate.")
    elif not low <= places[-1] <= high:
        lines.append("The point has left the picture: choose a smaller learning rate.")
    return lines


def _limits(heights: np.ndarray) -> tuple[float, float]:
    """Find from where to where the loss is drawn."""
    finite = heights[np.isfinite(heights)]
    span = np.ptp(finite) or 1.0
    return finite.min() - 0.08 * span, finite.max() + 0.08 * span


def _draw_path(
    axes: Axes, curve: np.ndarray, heights: np.ndarray, places: Sequence[float], losses: Sequence[float]
) -> None:
    """Draw the curve, the points of a path and an arrow from each to the next."""
    low, high = _limits(heights)
    width = curve[-1] - curve[0]
    axes.plot(curve, heights, color="0.55")
    axes.set(xlim=(curve[0] - 0.02 * width, curve[-1] + 0.02 * width), ylim=(low, high), xlabel="w", ylabel="Loss")
    # An arrow to a point far outside must still show its direction, and overflow nowhere.
    x = np.clip(places, curve[0] - 9 * width, curve[-1] + 9 * width)
    y = np.clip(losses, low - 9 * (high - low), high + 9 * (high - low))
    for index in range(len(x) - 1):
        if math.hypot((x[index + 1] - x[index]) / width, (y[index + 1] - y[index]) / (high - low)) > 0.04:
            axes.add_patch(
                FancyArrowPatch(
                    (x[index], y[index]), (x[index + 1], y[index + 1]), arrowstyle="-|>", mutation_scale=14, color=BLUE,
                    linewidth=1.5, shrinkA=3, shrinkB=4,
                )
            )  # fmt: skip
    axes.plot(x[:-1], y[:-1], "o", color=BLUE, markersize=7)
    axes.plot(
        x[-1:], y[-1:], "o", color=ORANGE, markersize=11, markeredgecolor="black", zorder=5, label="last place"
    )  # fmt: skip


def _path_figure(
    curve: np.ndarray, heights: np.ndarray, places: Sequence[float], losses: Sequence[float], slopes: Sequence[float]
) -> Figure:
    figure = Figure(figsize=(5.8, 4.2), layout="none")
    figure.subplots_adjust(left=0.13, right=0.98, bottom=0.14, top=0.92)
    axes = figure.subplots()
    low, high = _limits(heights)
    inside = curve[0] <= places[-1] <= curve[-1] and low <= losses[-1] <= high
    if inside and math.isfinite(slopes[-1]):
        # As long on the page, whatever its slope
        width, height = curve[-1] - curve[0], high - low
        half = 0.17 / math.hypot(1 / width, 0.6 * slopes[-1] / height)
        ends = np.array([-half, half])
        axes.plot(places[-1] + ends, losses[-1] + slopes[-1] * ends, color=RED, linewidth=3, zorder=4)
        axes.axhline(losses[-1], color="0.8", linestyle=":", zorder=0)
    _draw_path(axes, curve, heights, places, losses)
    axes.set_title(f"Slope here: {_write(slopes[-1])}" if inside else "The point is outside", color=RED)
    return figure


def _fall_figure(heights: np.ndarray, losses: Sequence[float]) -> Figure:
    figure = Figure(figsize=(4.9, 4.2), layout="none")
    figure.subplots_adjust(left=0.17, right=0.97, bottom=0.14, top=0.92)
    axes = figure.subplots()
    low, high = _limits(heights)
    steps, shown = np.arange(len(losses)), np.clip(losses, low - 1, high + 9 * (high - low))
    axes.plot(steps, shown, "-o", color=BLUE, markersize=5)
    axes.plot(steps[-1:], shown[-1:], "o", color=ORANGE, markersize=11, markeredgecolor="black", zorder=5)
    axes.axhline(losses[-1], color="0.8", linestyle=":", zorder=0)
    above = np.asarray(losses) > high
    axes.plot(steps[above], np.full(above.sum(), high), "^", color=RED, markersize=9, clip_on=False, zorder=6)
    axes.set(
        xlim=(-0.8, MOST_STEPS + 0.8),
        xticks=range(0, MOST_STEPS + 1, 5),
        ylim=(low, high),
        xlabel="Step",
        ylabel="Loss",
    )
    axes.set_title(f"Loss after step {len(losses) - 1}: {_write(losses[-1], _digits(losses[-1]))}")
    return figure


def _figure(loss: Loss, curve: np.ndarray, heights: np.ndarray, start: float, rates: Sequence[float]) -> Figure:
    """Draw a walk with too small a rate, one with a good rate, and one with too large a rate."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    names = ("Too small", "Good", "Too large")
    for axes, name, one in zip(figure.subplots(1, 3, sharey=True), names, rates, strict=True):
        places, losses, _ = descend(loss, start, one, FEW_STEPS)
        _draw_path(axes, curve, heights, places, losses)
        axes.set_title(
            f"{name}: learning rate {one:g}\n{len(places) - 1} steps: loss {_write(losses[0])} → {_write(losses[-1])}"
        )
        axes.label_outer()
    axes.legend(loc="best")
    return figure


def _three_rates(
    loss: Loss, curve: np.ndarray, heights: np.ndarray, start: float, rate: float
) -> tuple[float, float, float]:
    """Look for a rate that brings little, one that brings the point down, and one that throws it out or up."""
    much = 0.01 * np.ptp(_limits(heights))

    def fails(rate: float) -> bool:
        places, losses, _ = descend(loss, start, rate, FEW_STEPS)
        left = len(places) <= FEW_STEPS or min(places) < curve[0] or max(places) > curve[-1]
        return left or losses[-1] > losses[0] + much

    def gain(rate: float) -> float:
        losses = descend(loss, start, rate, FEW_STEPS)[1]
        return losses[0] - losses[-1]

    def round_(rate: float) -> float:
        return float(f"{rate:.1e}")

    good, tries = rate, 60
    while (fails(good) or gain(good) < much) and (tries := tries - 1):
        good = round_(good / 1.5)
    small = round_(good / 2)
    while gain(small) > gain(good) / 3 and (tries := tries - 1):
        small = round_(small / 2)
    large, tries = good, 100
    while not fails(large) and (tries := tries - 1):
        large = round_(large * 1.1)
    return small, good, large
