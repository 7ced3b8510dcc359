"""Gaps that answer. Without these, a pupil is told that a right function is wrong, or nothing, or a traceback."""

import subprocess
import sys

import numpy as np
import pytest

from utils.lesson import check
from utils.lesson.checking import judge
from utils.lesson.checks import CHECKS, Check
from utils.paths import ROOT

AXES = "It takes the mean over the pixels of each image: the mean over the images is asked for."
CASES = {
    "mean_image": Check(
        right=lambda images: images.mean(axis=0),
        cases=[(np.arange(8.0).reshape(2, 2, 2),), (np.ones((3, 28, 28)),)],
        mistakes={AXES: lambda images: images.mean(axis=(1, 2))},
        hint="`axis=0` runs over the images.",
    ),
    "halve": Check(right=lambda number: number / 2, cases=[(4,), (3.0,)]),
    "both": Check(right=lambda a, b: (a + b, "sum"), cases=[(1, 2)]),
    "apply": Check(right=lambda f, x: f(x), cases=[(np.sqrt, 4.0), (lambda x: -x, 1.0)]),
    "first_five": Check(right=lambda xs: xs[:5], cases=[([1, 2, 3, 4, 5, 6],)]),
}


def says(name, body, arguments="x"):
    """What the pupil reads who has written this."""
    code = f"def {name}({arguments}):\n    {body}\n"
    scope = {"np": np}
    exec(compile(code, "the-cell", "exec"), scope)
    import linecache

    linecache.cache["the-cell"] = len(code), None, code.splitlines(True), "the-cell"
    return judge(scope[name], CASES)


def test_a_right_function_is_told_so():
    assert says("mean_image", "return x.mean(axis=0)") == "mean_image: right, in 2 of 2 cases."
    assert says("mean_image", "return sum(x) / len(x)") == "mean_image: right, in 2 of 2 cases."
    assert says("halve", "return x * np.float32(0.5)") == "halve: right, in 2 of 2 cases."
    assert says("both", "return [a + b, 'sum']", "a, b") == "both: right, in 1 of 1 cases."
    assert says("apply", "return f(x)", "f, x") == "apply: right, in 2 of 2 cases."


@pytest.mark.parametrize("body", ["...", "pass", "return None", "return ...", "y = x / 2"])
def test_a_gap_that_is_still_empty(body):
    """Every pupil runs the cell once before writing anything."""
    assert says("mean_image", body) == ("mean_image: nothing is returned yet.\nHint: `axis=0` runs over the images.")


def test_a_way_without_an_answer_is_told_by_its_case():
    """The last line of such a function does begin with `return`."""
    said = says("halve", "return x / 2 if x > 3 else None")
    assert said == "halve(3) gives nothing: no `return` is reached there."


def test_a_known_mistake_is_called_by_its_name_and_the_first_case_shown():
    said = says("mean_image", "return x.mean(axis=(1, 2))")
    assert said == (
        f"mean_image: right in 0 of 2 cases.\n{AXES}\n"
        "mean_image([[[0, 1], [2, 3]], [[4, 5], [6, 7]]]) gives an array of shape (2,), "
        "and an array of shape (2, 2) is asked for.\n"
        "Hint: `axis=0` runs over the images."
    )


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("mean_image", "return x.mean()", "gives a number, and an array of shape (2, 2) is asked for."),
        ("mean_image", "return x.mean(axis=0) + 1", "gives [[3, 4], [5, 6]], and [[2, 3], [4, 5]] is right."),
        ("mean_image", "return x.mean(axis=0) * np.nan", "gives nan at [0, 0], which is no number"),
        ("mean_image", "return 'x'", "gives text ('x'), and an array is asked for."),
        ("mean_image", "return x.mean(axis=0).tolist()", "gives a list, and an array is asked for."),
        ("mean_image", "return (pixel for pixel in x)", "gives a generator, and an array is asked for."),
        ("mean_image", "return x.mean(axis=0), 1", "gives 2 values, and an array is asked for."),
        ("mean_image", "return {1: x}", "gives a dictionary, and an array is asked for."),
        ("halve", "return x // 2", "halve: right in 1 of 2 cases.\nhalve(3) gives 1, and 1.5 is right."),
        ("halve", "return x / 2 + 3e-5", "halve(4) gives 2.00003, and 2 is right."),
        ("halve", "return object()", "gives an object, and a number is asked for."),
        ("halve", "return halve", "gives a function, and a number is asked for."),
        ("first_five", "return x[:4]", "gives an array of shape (4,), and an array of shape (5,) is asked for."),
    ],
)
def test_wrong_values_shapes_and_types_are_told_in_words(name, body, words):
    assert words in says(name, body)


def test_large_arrays_are_told_by_the_first_number_that_differs():
    """Seven hundred numbers say nothing."""
    many = {"scale": Check(right=lambda x: x / 255, cases=[(np.full((28, 28), 255),)])}

    def scale(x):
        return np.where(np.eye(28) > 0, 1, x / 255 + (np.arange(28) == 3))

    assert judge(scale, many) == (
        "scale: right in 0 of 1 cases.\nscale(an array of shape (28, 28)) gives 2 at [0, 3], and 1 is right "
        "(27 of 784 numbers differ)."
    )


def test_several_values_are_told_apart():
    assert "gives 4, and 3 is right. That is value 1 of 2." in says("both", "return a + b + 1, 'sum'", "a, b")
    assert "gives 'x', and 'sum' is right. That is value 2 of 2." in says("both", "return a + b, 'x'", "a, b")
    assert "gives a number, and 2 values are asked for" in says("both", "return a + b", "a, b")
    assert "gives 3 values, and 2 are asked for." in says("both", "return a, b, a", "a, b")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return y", "it stops at the line `return y` with NameError: name 'y' is not defined"),
        ("return np.linalg.inv(x)", "it stops at the line `return np.linalg.inv(x)` with LinAlgError"),
        ("return halve(x)", "it stops at the line `return halve(x)` with RecursionError"),
        ("raise SystemExit", "it stops at the line `raise SystemExit` with SystemExit"),
    ],
)
def test_an_exception_is_told_with_the_line_of_the_student_s_own_code(body, words):
    assert words in says("halve", body)


def test_an_error_that_should_get_through_counts_as_an_outcome():
    """Notebook 11 asks for it: a bug must not look like the visitor's mistake."""

    def read_safely(body, read):
        try:
            return 200, read(body)
        except Exception as error:
            return 422, str(error)

    said = judge(read_safely, CHECKS)
    assert said.startswith("read_safely: right in 2 of 3 cases.\nIt catches too much:")
    assert "gives (422, 'division by zero'), and `ZeroDivisionError` is to be let through." in said


def test_an_error_that_nobody_should_let_through_is_a_failure():
    def read_safely(body, read):
        return 200, read(body)

    assert "it stops at the line `return 200, read(body)` with DigitsError" in judge(read_safely, CHECKS)


def test_wrong_parameters_are_told():
    assert "halve: it cannot be called: TypeError" in says("halve", "return a / b", "a, b")


@pytest.mark.parametrize("body", ["x /= 2; return x.mean(axis=0)", "x[0] = 0; return 1", "x[:] = x[::-1]; return x"])
def test_arguments_that_are_changed_are_told(body):
    """The next cell would work with other images, and nobody would know why."""
    assert "mean_image: it changes its argument `x`, which is still needed outside the function." in says(
        "mean_image", body
    )


def test_what_is_no_function_or_has_no_check():
    assert "check needs a function, and this is 3" in judge(3, CASES)
    assert judge(says, CASES).startswith("says: there is no check for a function of this name.")


def test_check_prints_and_returns_nothing(capsys):
    assert check(print) is None
    assert capsys.readouterr().out.startswith("print: there is no check")


def test_the_function_and_not_its_module_is_behind_the_door():
    """A module of the same name would take its place, depending on who imports what first."""
    code = "import utils.lesson.checks, utils.lesson.checking, utils.lesson.questions\n"
    code += "from utils.lesson import ask, check, quiz; assert all(map(callable, (ask, check, quiz)))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_of_the_series(name):
    """A right answer would be called wrong, or a mistake right, or by another mistake's name."""
    entry = CHECKS[name]
    entry.right.__name__ = name
    assert judge(entry.right, CHECKS) == f"{name}: right, in {len(entry.cases)} of {len(entry.cases)} cases."
    assert entry.hint
    for sentence, wrong in entry.mistakes.items():
        wrong.__name__ = name
        said = judge(wrong, CHECKS)
        assert sentence in said, said


@pytest.mark.parametrize(("losses", "patience"), CHECKS["early_stop"].cases)
def test_the_rule_for_stopping_is_that_of_keras(losses, patience):
    """Notebook 06 says so right after the student has written it."""
    import keras

    callback, model = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience), keras.Model()
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses, start=1):
        callback.on_epoch_end(epoch - 1, {"val_loss": loss})
        if model.stop_training:
            break
    assert CHECKS["early_stop"].right(losses, patience) == epoch
