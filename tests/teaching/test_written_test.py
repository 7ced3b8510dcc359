"""The written test. Without these, a pupil loses points for what is right."""

import math
import re

import numpy as np
import pytest

from utils.paths import ROOT

FOLDER = ROOT / "teaching" / "test"
PAPERS = {name: (FOLDER / f"paper-{name.lower()}.md").read_text(encoding="utf-8") for name in "AB"}
QUESTIONS = {
    name: (int(points), text)
    for paper in PAPERS.values()
    for name, points, text in re.findall(r"^## ([AB]\d) · .*? \((\d+) points\)\n(.*?)(?=^#|\Z)", paper, re.M | re.S)
}
RUBRICS = {
    name: (int(points), text)
    for name, points, text in re.findall(
        r"^### ([AB]\d) \((\d+)\)\n(.*?)(?=^#|\Z)", (FOLDER / "rubrics.md").read_text(encoding="utf-8"), re.M | re.S
    )
}


def test_the_points_add_up():
    for paper, text in PAPERS.items():
        names = re.findall(r"^## (\w+) ", text, re.MULTILINE)
        assert names == [f"{paper}{number}" for number in range(1, len(names) + 1)]
        assert sum(QUESTIONS[name][0] for name in names) == 60
    assert QUESTIONS.keys() == RUBRICS.keys()


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_part_has_its_points_in_question_and_rubric(name):
    points, question = QUESTIONS[name]
    asked = re.findall(r"^\*\*([a-e])\*\* \((\d)\)", question, re.MULTILINE)
    assert asked == re.findall(r"^- \*\*([a-e]) \((\d)\)\*\*", RUBRICS[name][1], re.MULTILINE)
    assert sum(int(each) for _, each in asked) == points == RUBRICS[name][0]


def block(name):
    """The numbers of a question's table, row by row."""
    (text,) = re.findall(r"```text\n(.*?)```", QUESTIONS[name][1], re.DOTALL)
    rows = [re.findall(r"-?\d+", line.replace("−", "-")) for line in text.splitlines()]
    return [[int(number) for number in row] for row in rows if len(row) > 2 or (row and "mean" not in text)]


def part(name, letter):
    """The rubric of one part."""
    return re.search(rf"^- \*\*{letter} \(\d\)\*\* (.*)$", RUBRICS[name][1], re.MULTILINE)[1]


def holds(name, letter, *shown):
    """Look for numbers in a rubric, in this order."""
    text, place = part(name, letter), 0
    for number in shown:
        found = re.compile(rf"(?<![\d.]){re.escape(str(number).replace('-', '−'))}(?![\d]|[.,]\d)").search(text, place)
        assert found, f"{name} {letter}: {number}"
        place = found.end()


def softmax(powers):
    return np.array(powers) / np.sum(powers)


def error_of(p, right):
    return np.asarray(p) - np.eye(len(p))[right]


def test_a1_to_a3():
    holds("A1", "a", 28 * 28)
    (total,) = np.array([250], np.uint8) + np.array([10], np.uint8)
    holds("A1", "b", total)
    rows = np.array(block("A2")).reshape(2, 3, 2).swapaxes(0, 1)
    image, *means = rows
    for letter, seen in (("a", image), ("b", image[:, ::-1])):
        distances = [np.linalg.norm(seen - mean) for mean in means]
        holds("A2", letter, *(f"{distance:.1f}" for distance in distances))
        assert f"reads a {(1, 7)[np.argmin(distances)]}" in part("A2", letter)
        assert all(f"√{round(distance**2)}" in part("A2", "b") for distance in distances) or letter == "a"


def test_a4():
    def walk(rate, steps):
        w, slopes = [0.0], []
        for _ in range(steps):
            slopes.append(2 * (w[-1] - 3))
            w.append(w[-1] - rate * slopes[-1])
        return [f"{slope:g}" for slope in slopes], [f"{place:g}" for place in w]

    slopes, places = walk(0.25, 3)
    holds("A4", "a", *slopes, *places[1:])
    holds("A4", "b", *walk(1, 2)[1])
    holds("A4", "c", 0.5)
    assert walk(0.5, 1)[1][-1] == "3"


def test_a5_and_a6():
    p = softmax([4, 1, 15])
    holds("A5", "a", 20, *(f"{one:g}" for one in p))
    holds("A5", "b", f"{-np.log(p[0]):.2f}", f"{-np.log10(p[0]):.2f}")
    error = error_of(p, 0)
    holds("A5", "c", *(f"{round(one, 9):g}" for one in error), round(error.sum()))
    weights, bias = np.array([0.5, -1, 0.2]), 0.1
    sums = [np.dot(inputs, weights) + bias for inputs in ([1, 0.5, 0.5], [0, 1, 0.5])]
    holds("A6", "a", f"{sums[0]:.1f}", f"{sums[1]:.1f}", f"{max(sums[1], 0):.0f}")
    holds("A6", "b", f"{784 * 32 + 32:,}", f"{32 * 10 + 10:,}")


def test_a7():
    rows = block("A7")
    image, kernel = np.array([row[:4] for row in rows]), np.array([row[4:] for row in rows[:3]])
    responses = (np.lib.stride_tricks.sliding_window_view(image, (3, 3)) * kernel).sum(axis=(2, 3))
    holds("A7", "a", *responses.ravel())
    holds("A7", "b", max(responses.max(), 0))


def test_a8():
    holds("A8", "a", 31.25, math.ceil(2000 / 64), 3 * math.ceil(2000 / 64))
    losses = [float(loss) for loss in re.findall(r"\d\.\d\d", QUESTIONS["A8"][1])]
    assert len(losses) == 7
    stopped = next(epoch for epoch in range(1, 8) if epoch - (1 + np.argmin(losses[:epoch])) >= 3)
    assert f"After epoch {stopped}" in part("A8", "b")
    assert f"weights of epoch {1 + np.argmin(losses[:stopped])} are kept" in part("A8", "b")


def test_a9():
    table = [re.findall(r"\d+", row) for row in re.findall(r"^\| \d \|.*$", QUESTIONS["A9"][1], re.MULTILINE)]
    counts = np.array(table, int)[:, 1:]
    right, nines = np.trace(counts), counts[2, 2]
    assert counts.sum() == 300
    holds("A9", "a", right, counts.sum(), f"{right / counts.sum():.1%}")
    holds("A9", "a", nines, counts[2].sum(), f"{nines / counts[2].sum():.1%}")
    holds("A9", "a", nines, counts[:, 2].sum(), f"{nines / counts[:, 2].sum():.1%}")
    error = np.sqrt(0.9 * 0.1 / 900)
    holds("A9", "b", f"{error:.2f}", f"{100 * (0.9 - 2 * error):.0f}", f"{100 * (0.9 + 2 * error):.0f}")
    holds("A9", "c", round(200 * 0.05), 24)


def test_b1_and_b2():
    variances = np.array([0.83 * 0.17, 0.84 * 0.16])
    margins = 200 * np.sqrt(variances / 2000)
    holds("B1", "a", *(f"{margin:.2f}" for margin in margins))
    holds("B1", "b", *(f"{margin:.2f}" for margin in margins), f"{np.hypot(*margins):.2f}", f"{margins.sum():.2f}")
    holds("B1", "c", f"{4 * variances.sum() / 0.01**2:,.0f}")
    holds("B2", "b", 10)


def test_b3():
    errors = np.array([error_of(np.full(10, 0.1), label) for label in (3, 5, 3, 5)])
    pixel = np.array([1, 1, 0, 0])
    holds("B3", "d", *(f"{error:.1f}" for error in errors[:, 3]), f"{(pixel @ errors)[3] / 4:.1f}")


def test_b4():
    pixel, second = 0.5, np.log(3)
    for first, letter in ((2, "a"), (-2, "b")):
        hidden = max(pixel * first, 0)
        p = 1 / (1 + np.exp(-hidden * second))
        behind = second * p
        slopes = hidden * p, pixel * behind * (hidden > 0)
        if letter == "a":
            holds("B4", "a", f"{hidden:g}", f"{second:.2f}", f"{p:.2f}", f"{behind:.2f}")
            holds("B4", "a", f"{hidden:g}", f"{slopes[0]:.2f}", f"{behind:.2f}", f"{slopes[1]:.2f}")
        else:
            assert slopes == (0, 0)
            holds("B4", "b", f"{p:g}")


def test_b5():
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, padding="same"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, padding="valid"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    text = part("B5", "a")
    place = 0
    for layer in model.layers:
        shape = " × ".join(map(str, layer.output.shape[1:]))
        place = text.index(shape, place) + len(shape)
        if layer.count_params():
            place = text.index(f"= {layer.count_params():,}", place)
    height, width, channels = model.layers[2].output.shape[1:]
    holds("B5", "b", f"{height * width * channels * 9 * 8:,}")


def test_b6_and_b8():
    holds("B6", "a", f"{np.log(10):.2f}", f"{np.log(26):.2f}")
    most = softmax(np.exp([1, *[0] * 9]))[0]
    holds("B6", "b", f"{most:.3f}", f"{-np.log(most):.2f}")
    ways = [math.comb(10, heads) for heads in range(3)]
    tail = sum(ways)
    holds("B8", "a", *ways, f"{2**10:,}", 2 * tail, f"{2 * tail / 2**10:.3f}", f"{tail / 2**10:.3f}")
    for temperature, percent in ((1, "94.1"), (2, "80.0")):
        powers = np.exp(np.array([np.log(16), 0]) / temperature)
        assert f"{100 * softmax(powers)[0]:.1f}" == percent
        holds("B8", "b", percent)


#: What may stand on either side of an equals sign.
TERMS = r"(?:√|\bln |\be\b|\d+(?:,\d{3})*(?:\.\d+)?|[ ·+−/()²])*"


def value(terms):
    code = terms.replace(",", "").replace("·", "*").replace("−", "-").replace("²", "**2")
    code = re.sub(r"√([\d.]+)", r"√(\1)", re.sub(r"ln ([\d.]+)", r"log(\1)", code)).replace("√", "sqrt")
    return eval(code.strip(), {"log": math.log, "sqrt": math.sqrt, "e": math.e})


def test_every_equation_in_the_rubrics_holds():
    """Also those in between, which a teacher copies onto the board."""
    checked = 0
    for name, (_, text) in RUBRICS.items():
        text = re.sub(r"`.*?`", "", text)
        for sign in re.finditer("=", text):
            left = re.search(rf"(?<!\w)({TERMS})$", text[: sign.start()])[1]
            right = re.match(TERMS, text[sign.end() :])[0]
            if not re.search(r"[\de]", left) or not re.search(r"\d", right):
                continue
            decimals = len(re.search(r"\d(?:\.(\d+))?\)?\s*$", right)[1] or "")
            unit = text[sign.end() + len(right) :]
            factors = (1, 100) if unit.startswith(("%", "points")) else (1,)
            differences = [abs(factor * value(left) - value(right)) for factor in factors]
            assert min(differences) <= 0.5001 * 10.0**-decimals, f"{name}: {left} = {right}"
            checked += 1
    assert checked > 35


def test_the_short_version():
    short = re.search(r"With less time: (.*)", (FOLDER / "README.md").read_text(encoding="utf-8"))[1]
    for paper in PAPERS:
        names = re.findall(rf"{paper}\d", short)
        assert f"{sum(QUESTIONS[name][0] for name in names)} points" in short
