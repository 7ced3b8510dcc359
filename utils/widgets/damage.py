"""Notebook 08: damage digits with a slider, and see what two networks make of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from utils.plots import RED, show_image
from utils.widgets.panel import WIDE, Panel, Picture

if TYPE_CHECKING:
    import keras

#: A damage: a function of images and a strength, and the strengths that are tried.
Dial = tuple[Callable[[np.ndarray, float], np.ndarray], Sequence[float]]


def try_damage(
    images: np.ndarray,
    labels: np.ndarray,
    models: Mapping[str, "keras.Model"],
    dials: Mapping[str, Dial],
    least: float = 0.8,
) -> Panel:
    """Damage digits, more and more, and see which network reads, refuses, or is wrong and sure.

    Parameters
    ----------
    images : (n, 28, 28) float array
        A handful of digits, 0 = paper, 1 = ink.
    labels : (n,) array
        What they are.
    models
        Trained networks by their names; they take (n, 28, 28, 1).
    dials
        By its name each damage, and the strengths of its slider, the weakest first.
    least
        Below this probability an answer counts as refused.

    Returns
    -------
    Panel
        A choice of damages, a slider for the strength, and a row of digits for each network, with its answers.
    """
    damage = widgets.Dropdown(description="Damage", options=list(dials), style=WIDE)
    strength = widgets.SelectionSlider(
        description="Strength", options=_options(dials[damage.value][1]), index=0, style=WIDE, layout={"width": "30em"}
    )
    picture = Picture()

    def draw() -> tuple[Figure, str]:
        broken = dials[damage.value][0](images, strength.value)
        figure = Figure(figsize=(1.3 * len(images), 2.4 * len(models)), layout="constrained")
        figure.suptitle(f"{damage.value}: {strength.value:g}", fontsize=15)
        told = []
        for part, (name, model) in zip(
            figure.subfigures(len(models), 1, squeeze=False).flat, models.items(), strict=True
        ):
            table = np.asarray(model(np.float32(broken)[..., np.newaxis], training=False))
            said, sure = table.argmax(axis=1), table.max(axis=1) >= least
            right = said == labels
            told.append(
                f"{name}: {(right & sure).sum()} of {len(images)} read, {(~sure).sum()} refused, "
                f"{(~right & sure).sum()} wrong and sure"
            )
            part.suptitle(told[-1], fontsize=14)
            for i, axes in enumerate(part.subplots(1, len(images), squeeze=False)[0]):
                answer = f"{said[i]}" if sure[i] else f"{said[i]}?"
                show_image(axes, broken[i], answer, "black" if right[i] else RED)
        return figure, f"{damage.value} {strength.value:g}. {'; '.join(told)}"

    def show(_: object = None) -> None:
        picture.show(*draw())

    def choose(_: object) -> None:
        strength.unobserve(show, "value")  # drawn once, when both are set
        strength.options = _options(dials[damage.value][1])
        strength.index = 0
        strength.observe(show, "value")
        show()

    strength.index = len(dials[damage.value][1]) // 2
    strength.observe(show, "value")
    damage.observe(choose, "value")
    show()
    return Panel([damage, strength, picture], "Damage digits and see them read", lambda: draw()[0])


def _options(strengths: Sequence[float]) -> list[tuple[str, float]]:
    return [(f"{strength:g}", strength) for strength in strengths]
