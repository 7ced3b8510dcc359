"""The command line: ``python -m utils check | train | predict``."""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import DigitsError
from utils.paths import check_writable, digits_folder, shown, whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from utils.reading import Reading

#: The endings that --sheet takes.
PICTURES = (".png", ".jpg", ".pdf", ".svg")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        What stands behind ``python -m utils``; by default what was typed there.

    Returns
    -------
    int
        The exit status: 0 if all went well, 1 if something is missing or could not be read, 130 after Ctrl-C.
        A command that is typed wrongly ends in argparse's own exit with 2.
    """
    options = _parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):  # a file name that the screen cannot show must not stop the work
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except DigitsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough (… | head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m utils", description="Train networks on MNIST and read digits.")
    commands = parser.add_subparsers(required=True, metavar="check | train | predict")

    check = commands.add_parser("check", help="is everything here that the series needs?")
    check.set_defaults(run=_check)

    train = commands.add_parser("train", help="train a network, test it and save it")
    train.add_argument("--model", choices=("mlp", "cnn"), default="cnn", help="which network (default: cnn)")
    train.add_argument("--epochs", type=_positive, help="how many passes over the images (default: the recipe's)")
    train.add_argument("--seed", type=_seed, default=0, help="for all that is random (default: 0)")
    train.add_argument("--output", type=Path, help="the .keras file to write (default: in models/learned/)")
    train.set_defaults(run=_train)

    predict = commands.add_parser("predict", help="read the digits in images")
    predict.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="images or folders (default: digits/)")
    predict.add_argument("--model", type=Path, help="a .keras file (default: your newest CNN, or the shipped one)")
    predict.add_argument("--json", action="store_true", help="print one JSON array and nothing else")
    predict.add_argument("--sheet", type=Path, help="save a picture of all images with what was read in them")
    predict.set_defaults(run=_predict)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {2**32 - 1}")
    return int(text)


def _check(options: argparse.Namespace) -> int:
    from utils.check import find_all

    well = True
    for finding in find_all():
        print(finding, flush=True)
        well &= finding.ok
    print("Everything is here." if well else "Put right what is marked MISSING, then check again.")
    return 0 if well else 1


def _train(options: argparse.Namespace) -> int:
    from utils.images import scale_pixels
    from utils.mnist import load_mnist
    from utils.models import learned_path, save_model
    from utils.plots import plot_histories, use_style
    from utils.training import train

    mnist = load_mnist()
    output = options.output or learned_path(options.model, mnist)
    if output.suffix != ".keras":
        raise DigitsError(f"{shown(output)} does not end in .keras: give --output such a name.")
    curves = output.with_suffix(".curves.png")
    for path in (output, curves):  # before the training, not after it
        check_writable(path)

    model, history = train(options.model, mnist, options.epochs, options.seed)
    if history.interrupted:
        if not history.epoch:
            print("\nInterrupted before the end of the first epoch: nothing is saved.")
            return 130
        print(f"\nInterrupted after {len(history.epoch)} whole epochs: the best weights so far are kept.")
    save_model(model, output)
    print(f"Saved {shown(output)}")
    use_style()
    _save(plot_histories({options.model: history.history}), curves)
    print(f"Saved {shown(curves)} (loss and accuracy by epoch)")
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(scale_pixels(mnist.x_test), mnist.y_test, batch_size=1000, verbose=0)
    right, n = round(accuracy * len(mnist.y_test)), len(mnist.y_test)
    print(f"Test loss {loss:.4f}, test accuracy {accuracy:.2%} ({right:,} of {n:,})")
    return 130 if history.interrupted else 0


def _predict(options: argparse.Namespace) -> int:
    from utils.images import list_images
    from utils.models import describe_model, load_model, model_in_use
    from utils.plots import prediction_sheet, use_style
    from utils.reading import Reading, read_digits

    path = options.model or model_in_use()
    model = load_model(path)
    if options.sheet:
        if options.sheet.suffix.lower() not in PICTURES:
            raise DigitsError(f"{shown(options.sheet)} has no ending of a picture: use one of {', '.join(PICTURES)}.")
        check_writable(options.sheet)
    print(describe_model(path), file=sys.stderr)
    readings: list[Reading] = []
    for named in options.paths or [_from_here(digits_folder())]:
        try:
            files = list_images([named])
        except DigitsError as error:
            files = []
            readings.append(Reading(str(named), error=str(error)))
            _show(readings[-1], options.json)
        for file in files:
            readings.append(read_digits(model, file))
            _show(readings[-1], options.json)
    if options.json:
        print(json.dumps([reading.record() for reading in readings], indent=1))
    if options.sheet:
        use_style()
        _save(prediction_sheet(readings), options.sheet)
        print(f"Saved {shown(options.sheet)}", file=sys.stderr)
    return 1 if any(reading.error for reading in readings) else 0


def _save(figure: "Figure", path: Path) -> None:
    with whole_file(path) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # in the name of a file
        figure.savefig(part)


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _show(reading: "Reading", as_json: bool) -> None:
    if as_json:
        return
    if reading.error:
        print(f"{reading.file}  {reading.error}", flush=True)
    elif not reading.digits:
        print(f"{reading.file}  no digit found", flush=True)
    else:
        sure = ", ".join(f"{digit.probability:.1%}" for digit in reading.digits)
        print(f"{reading.file}  {reading.text}  ({sure})", flush=True)
