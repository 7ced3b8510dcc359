"""Draw the picture on the first screen of each notebook.

``python notebooks/draw_openings.py 03`` writes ``notebooks/images/03-opening.png``; without a number, all of them. They
are drawn from all of MNIST, and from the ten digits that come with the series.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils.mnist import load_mnist
from utils.paths import ROOT, whole_file
from utils.plots import BLUE, ORANGE, RED, show_image, to_png, use_style
from utils.reader import normalise_digit, read_image, shipped_digits

import cv2
import nbformat
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

#: The size of all of them, in inches.
SIZE = (11.25, 3.75)


def draw_01() -> Figure:
    """Draw ten validation images, one of each digit: neat ones that the nearest mean misreads, odd ones that it reads.

    Notebook 01 finds the same ten, and tells which are misread.
    """
    mnist = load_mnist(verbose=False)
    x_train, x_val, y_train, y_val = train_test_split(mnist.x_train, mnist.y_train, test_size=2000, random_state=0)
    means = np.array([x_train[y_train == label].mean(axis=0) for label in range(10)])
    distances = np.array([np.linalg.norm(means - image, axis=(1, 2)) for image in x_val])
    own, wrong = distances[np.arange(len(y_val)), y_val], distances.argmin(axis=1) != y_val
    figure = Figure(figsize=SIZE, layout="constrained")
    for label, axes in enumerate(figure.subplots(2, 5).ravel()):
        misread = label in (2, 3, 5, 7, 8)
        those = np.flatnonzero((y_val == label) & (wrong == misread))
        show_image(axes, x_val[those[own[those].argmin() if misread else own[those].argmax()]])
    return figure


def draw_02() -> Figure:
    """Draw eleven 4s of MNIST, and among them what six steps make of a drawing."""
    mnist = load_mnist(verbose=False)
    inverted = 255 - read_image(shipped_digits() / "4-blue.png")
    _, clean = cv2.threshold(inverted, 0, 255, cv2.THRESH_TOZERO + cv2.THRESH_OTSU)
    fours = list(mnist.x_train[mnist.y_train == 4][:11])
    fours.insert(7, normalise_digit(cv2.normalize(clean, None, 0, 255, cv2.NORM_MINMAX), stroke=None))
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, four in zip(figure.subplots(2, 6).ravel(), fours, strict=True):
        show_image(axes, four)
    return figure


def draw_03() -> Figure:
    """Draw the weights of a softmax regression: blank, after ten steps, and after a thousand."""
    mnist = load_mnist(verbose=False)
    x, y = mnist.x_train.reshape(-1, 784) / np.float32(255), mnist.y_train
    w, shown = np.zeros((784, 10), np.float32), {}
    for step in range(1001):
        if step in (0, 10, 1000):
            shown[step] = w
        rows = slice(50 * step, 50 * step + 50)
        powers = np.exp(x[rows] @ w)
        w = w - 0.3 * x[rows].T @ (powers / powers.sum(axis=1, keepdims=True) - np.eye(10, dtype="f")[y[rows]]) / 50
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes_of_row, (step, weights) in zip(figure.subplots(3, 10), shown.items(), strict=True):
        limit = max(np.abs(weights).max(), 1e-6)
        for digit, axes in enumerate(axes_of_row):
            axes.imshow(weights[:, digit].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="0.8")
        axes_of_row[0].set_ylabel(f"{step:,}\nsteps", rotation=0, ha="right", va="center")
    return figure


def draw_04() -> Figure:
    """Draw what separates two half-moons: one layer of weights, two layers, two with ReLU between them."""
    dots, label = make_moons(300, noise=0.12, random_state=0)
    place = np.meshgrid(np.linspace(-1.6, 2.6, 420), np.linspace(-1.05, 1.55, 260))
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, (title, hidden, activation) in zip(
        figure.subplots(1, 3),
        (
            ("One layer", (), "identity"),
            ("Two layers", (16,), "identity"),
            ("Two, with something between", (16,), "relu"),
        ),
        strict=True,
    ):
        model = MLPClassifier(hidden, activation=activation, solver="lbfgs", alpha=1e-3, max_iter=2000, random_state=1)
        model.fit(dots, label)
        chance = model.predict_proba(np.column_stack([one.ravel() for one in place]))[:, 1].reshape(place[0].shape)
        axes.contourf(*place, chance, levels=(0, 0.5, 1), colors=(BLUE, ORANGE), alpha=0.2)
        axes.contour(*place, chance, levels=(0.5,), colors="black", linewidths=3)
        for one, color, marker in ((0, BLUE, "o"), (1, ORANGE, "^")):
            axes.scatter(*dots[label == one].T, s=26, color=color, marker=marker)
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=16)
    return figure


def draw_05() -> Figure:
    """Draw notebook 05's own 5 with a window on it, the window's nine pixels, and the same 5 with shuffled pixels."""
    from utils.networks import split_training

    images, _, labels, _ = split_training(load_mnist(verbose=False))
    scope: dict = {"np": np, "images": images[:1000], "labels": labels[:1000]}
    for cell in nbformat.read(ROOT / "notebooks" / "05-build-a-cnn.ipynb", as_version=4).cells:
        if cell.source.startswith(("five = ", "edge_filter = ")):
            exec(cell.source, scope)
    row, column = scope["row"], scope["column"]

    figure = Figure(figsize=SIZE, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 0.62, 1))
    show_image(left, scope["digit"], "A 5")
    left.add_patch(Rectangle((column - 1.5, row - 1.5), 3, 3, fill=False, edgecolor=ORANGE, linewidth=4))
    show_image(middle, scope["patch"], "One window, nine pixels")
    middle.spines[:].set(color=ORANGE, linewidth=4)
    for (i, j), value in np.ndenumerate(scope["patch"]):
        color = "white" if value > 0.5 else "black"
        middle.text(j, i, f"{round(float(value), 2):g}", ha="center", va="center", fontsize=17, color=color)
    show_image(right, scope["flat"][:, scope["order"]].reshape(28, 28), "The same 784 pixels, shuffled")
    return figure


def draw_06() -> Figure:
    """Draw what notebook 06 has stored: ten digits as its CNN reads them before its training and after, and its errors.

    After the training it reads all ten, as the notebook says beside the picture.
    """
    from utils.lesson import load_ten
    from utils.networks import build_cnn

    import keras

    ten = load_ten()
    keras.utils.set_random_seed(0)
    untrained = build_cnn()
    before = keras.ops.convert_to_numpy(untrained(ten.prepared[..., np.newaxis] / np.float32(255))).argmax(axis=1)

    cells = nbformat.read(ROOT / "notebooks" / "06-train-the-models.ipynb", as_version=4).cells
    printed = {cell.source: "".join(one.get("text", "") for one in cell.get("outputs", [])) for cell in cells}
    (training,) = (text for source, text in printed.items() if "cnn_history = cnn.fit" in source)
    errors = [100 - float(read) for read in re.findall(r"; validation loss [\d.]+, accuracy ([\d.]+)%", training)]
    if "· 10 (06)" not in "".join(printed.values()):
        raise SystemExit("The CNN of notebook 06 does not read all ten digits: its opening says so.")

    figure = Figure(figsize=SIZE, layout="constrained")
    left, between, right = figure.subfigures(1, 3, width_ratios=[1, 0.85, 1], wspace=0.03)
    for part, reads, when in ((left, before, "Before"), (right, ten.labels, "Afterwards")):
        part.suptitle(f"{when}: {np.sum(reads == ten.labels)} of ten right", fontsize=16)
        for axes, image, label, read in zip(part.subplots(2, 5).ravel(), ten.prepared, ten.labels, reads, strict=True):
            show_image(axes, image)
            axes.set_xlabel(
                f"{'✓' if read == label else '✗'} {read}", fontsize=16, color="black" if read == label else RED
            )
    axes = between.subplots()
    axes.semilogy(range(1, len(errors) + 1), errors, "o-", color=BLUE)
    ticks = [tick for tick in (0.2, 0.5, 1, 2, 5) if min(errors) * 0.9 <= tick <= max(errors) * 1.1]
    axes.set_yticks(ticks, [f"{tick:g}%" for tick in ticks])
    axes.minorticks_off()
    axes.set_title("Images misread", fontsize=16)
    axes.set(xlabel="Epoch", xticks=range(1, len(errors) + 1, 2))
    return figure


def draw_07() -> Figure:
    """Draw all of MNIST's test images that the shipped CNN misreads."""
    from utils.networks import load_model, shipped_models

    mnist = load_mnist(verbose=False)
    model = load_model(shipped_models() / "cnn.keras")
    predicted = model.predict(mnist.x_test[..., np.newaxis] / 255.0, batch_size=1000, verbose=0).argmax(axis=1)
    misread = mnist.x_test[predicted != mnist.y_test]
    figure = Figure(figsize=SIZE, layout="constrained")
    grid = figure.subplots(3, -(-len(misread) // 3)).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image in zip(grid, misread, strict=False):
        show_image(axes, image)
    return figure


def draw_08() -> Figure:
    """Draw one digit eight times, damaged by notebook 08's own code."""
    scope: dict = {}
    for cell in nbformat.read(ROOT / "notebooks" / "08-break-the-models.ipynb", as_version=4).cells:
        if any(text in cell.source for text in ("import cv2", "def grey", "def coarse", "damaged = ")):
            exec(cell.source, scope)
    figure = Figure(figsize=(11.25, 1.6), layout="constrained")
    for axes, image in zip(figure.subplots(1, 8), scope["damaged"].values(), strict=True):
        show_image(axes, image[0])
    return figure


def draw_09() -> Figure:
    """Draw ten of notebook 09's drawings as the dense network reads them, and a page as the CNN reads it."""
    scope: dict = {}
    needed = ("import cv2", "def hand_in", "def shrink", "def make_page", "def photograph", "def show_page")
    for cell in nbformat.read(ROOT / "notebooks" / "09-predict-your-own-digits.ipynb", as_version=4).cells:
        if any(text in cell.source for text in needed):
            exec(cell.source.replace("guess.compare", "str"), scope)
    figure = Figure(figsize=SIZE, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
    grid = left.subplots(2, 5).ravel()
    for axes, page, read, label in zip(grid, scope["drawings"], scope["answers"], scope["truth"], strict=False):
        scope["show_page"](axes, page)
        color = "black" if read == label else RED
        axes.set_xlabel(f"{'✓' if read == label else '✗'} {read}", fontsize=18, color=color)
    digits, _ = scope["read_page"](scope["cnn"], scope["photo"])
    scope["show_page"](right.subplots(), scope["photo"], below="".join(map(str, digits)), digits=digits)


def draw_11() -> Figure:
    """Draw ten test images as they are, and the ten that follow thickened by notebook 11's own code."""
    scope: dict = {"cv2": cv2, "np": np}
    (cell,) = [
        cell
        for cell in nbformat.read(ROOT / "notebooks" / "11-deploy-the-model.ipynb", as_version=4).cells
        if cell.source.startswith("def thicken")
    ]
    exec(cell.source.split("before, after")[0], scope)
    images = load_mnist(verbose=False).x_test
    figure = Figure(figsize=(11.25, 2.6), layout="constrained")
    upper, lower = figure.subplots(2, 10)
    for axes, image in zip(upper, images[:10], strict=True):
        show_image(axes, image)
    for axes, image in zip(lower, scope["thicken"](images[500:510]), strict=True):
        show_image(axes, image)
    for axes, day in ((upper[0], "Monday"), (lower[0], "Tuesday")):
        axes.set_ylabel(day)


def draw_10() -> Figure:
    """Draw the first ten of notebook 10's made-up corrections that the CNN misreads, and what was meant."""
    from utils.networks import load_model, shipped_models, warp
    from utils.plots import RED
    from utils.reader import prepare_image

    scope = {"np": np, "warp": warp}
    for cell in nbformat.read(ROOT / "notebooks" / "10-improve-the-model.ipynb", as_version=4).cells:
        if cell.source.startswith("def write_askew"):
            exec(cell.source, scope)
    model, rng, misread = load_model(shipped_models() / "cnn.keras"), np.random.default_rng(0), []
    for digit in np.repeat(np.arange(10), 8):
        drawing = scope["write_askew"](read_image(ROOT / "utils" / "lesson" / "ten" / f"{digit}.png"), rng)
        _, found = prepare_image(drawing)
        read = model.predict(found[:1, :, :, np.newaxis] / 255.0, verbose=0).argmax()
        if len(found) == 1 and read != digit:
            misread.append((drawing, read, digit))
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, (drawing, read, digit) in zip(figure.subplots(2, 5).ravel(), misread, strict=False):
        show_image(axes, 255 - drawing)
        axes.set_xlabel(f"✗ {read}, meant: {digit}", fontsize=16, color=RED)
    return figure


def main() -> None:
    """Draw those that are named."""
    use_style()
    drawings = {name.removeprefix("draw_"): one for name, one in globals().items() if name.startswith("draw_")}
    for number in sys.argv[1:] or sorted(drawings):
        figure: Figure = drawings[number]()
        with whole_file(ROOT / "notebooks" / "images" / f"{number}-opening.png") as path:
            path.write_bytes(to_png(figure, small=True))


if __name__ == "__main__":
    main()
