"""Notebook 07: the images behind each field of a confusion matrix, and what a confidence threshold is worth."""

import ipywidgets as widgets
import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from utils.plots import BLUE, ORANGE, RED, show_images
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture, say

#: So many images of a field are shown at most.
SHOWN = 25


def browse_confusion(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Panel:
    """Click an entry of the confusion matrix and see its images.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        0 = background, 255 = ink.
    labels : (n,) array
        Their true digits.
    probabilities : (n, 10) array
        What a network gave each digit.

    Returns
    -------
    Panel
        The matrix, a button for each field that is not empty, and the images of the chosen one, the surest first.
    """
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, predicted), 1)
    mistakes = counts * (1 - np.eye(10, dtype=int))
    worst = tuple(int(digit) for digit in np.unravel_index(mistakes.argmax(), counts.shape))
    picture = Picture()

    def draw(true: int, said: int) -> tuple[Figure, str]:
        those = np.flatnonzero((labels == true) & (predicted == said))
        those = those[np.argsort(-sure[those], kind="stable")][:SHOWN]
        count = counts[true, said]
        what = _name(true, said, count)
        title = what + (f"\nthe {SHOWN} of which it was surest" if count > SHOWN else "")
        titles = [f"{probability:.0%}" for probability in sure[those]]
        return show_images(images[those], titles=titles, columns=5, title=title, size=0.98), what

    buttons: dict[tuple[int, int], widgets.Button] = {}

    def choose(true: int, said: int) -> None:
        for field, button in buttons.items():
            button.style.font_weight = "bold" if field == (true, said) else "normal"
            button.layout.border = f"3px solid {BLUE}" if field == (true, said) else "1px solid #ddd"
        picture.show(*draw(true, said))

    colors = mpl.colormaps["Oranges"](0.62 * (mistakes / max(mistakes.max(), 1)) ** 0.6)
    for field, count in np.ndenumerate(counts):
        if not count:
            continue
        true, said = field
        button = widgets.Button(
            description=str(count),
            tooltip=_name(true, said, count),
            style={"button_color": "#eeeeee" if true == said else to_hex(colors[field]), "text_color": "black"},
            layout={"width": "46px", "height": "32px", "padding": "0", "margin": "0", "border": "1px solid #ddd"},
        )
        button.on_click(lambda _, true=true, said=said: choose(true, said))
        buttons[true, said] = button
    choose(*worst)

    empty = widgets.HTML("")
    head = [
        widgets.HTML("<b>true \\ said</b>"),
        *(widgets.HTML(f"<center><b>{digit}</b></center>") for digit in range(10)),
    ]
    rows = [
        cell
        for true in range(10)
        for cell in (
            widgets.HTML(f"<center><b>{true}</b></center>"),
            *(buttons.get((true, said), empty) for said in range(10)),
        )
    ]
    grid = widgets.GridBox(
        [*head, *rows],
        layout={"grid_template_columns": "80px repeat(10, 46px)", "grid_gap": "0", "align_items": "center"},
    )
    return Panel(
        [widgets.HBox([grid, picture], layout=BESIDE)],
        "Click an entry of the confusion matrix to see its images",
        lambda: draw(*worst)[0],
    )


def _name(true: int, said: int, count: int) -> str:
    return f"{true} {'read as' if true == said else 'taken for'} {said}: {count:,} image{'s' if count > 1 else ''}"


def try_threshold(labels: np.ndarray, probabilities: np.ndarray) -> Panel:
    """Choose below which confidence a network refuses, and see what is left and how good it is.

    Parameters
    ----------
    labels : (n,) array
        The true digits.
    probabilities : (n, 10) array
        What a network gave each digit.

    Returns
    -------
    Panel
        A slider for the threshold, what it means in words, and coverage and accuracy against the threshold.
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    levels = np.concatenate([np.arange(0.1, 0.9, 0.05), np.arange(0.9, 0.9995, 0.005), [0.999, 0.9999]]).round(4)
    threshold = widgets.SelectionSlider(
        description="Threshold", options=[(f"{100 * level:.4g}%", level) for level in levels], value=0.5, style=WIDE,
        layout={"width": "36em"},
    )  # fmt: skip
    words, picture = widgets.HTML(), Picture()
    read = np.array([np.mean(sure >= level) for level in levels])
    good = np.array([right[sure >= level].mean() if (sure >= level).any() else np.nan for level in levels])

    def draw() -> Figure:
        at = int(np.flatnonzero(levels == threshold.value)[0])
        figure = Figure(figsize=(11, 3.8), layout="constrained")
        first, second = figure.subplots(1, 2)
        first.plot(100 * levels, 100 * read, color=BLUE, label="coverage: share that is read")
        first.plot(100 * levels, 100 * good, "--", color=RED, label="accuracy on that share")
        first.axvline(100 * levels[at], color="0.6", linewidth=1)
        first.set(title="A higher threshold reads less, and better", xlabel="Threshold (%)", ylabel="Images (%)")
        first.legend(loc="lower left")
        second.plot(100 * read, 100 * good, color="0.4")
        second.axhline(99.9, color="0.6", linewidth=1, linestyle=":")
        second.text(100 * read.min(), 99.9, "99.9%", va="bottom", color="0.4", clip_on=True).set_in_layout(False)
        second.plot(100 * read[at], 100 * good[at], "o", color=ORANGE, markersize=12)
        second.set(title="The trade: accuracy against coverage", xlabel="Coverage (%)", ylabel="Accuracy (%)")
        return figure

    def show(_: object = None) -> None:
        kept = sure >= threshold.value
        wrong, refused = int((~right & kept).sum()), int((~kept).sum())
        share = f"{right[kept].mean():.2%} of them correctly ({wrong} wrong)" if kept.any() else "so none is left"
        text = f"The network reads <b>{kept.mean():.2%}</b> of the images, {share}, and refuses {refused:,}."
        if refused:
            text += f" Of those, it would have read {right[~kept].mean():.0%} correctly."
        picture.show(draw(), f"coverage {kept.mean():.2%} and {wrong} errors at a threshold of {threshold.value:.2%}")
        words.value = say(text)  # after the picture, so that the two never tell of different thresholds for long

    threshold.observe(show, "value")
    show()
    return Panel([threshold, words, picture], "Choose a confidence threshold", draw)
