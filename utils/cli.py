"""The command line: ``python -m utils check | train | predict | score | serve | handout`` and more, see `COMMANDS`.

Each command imports what it needs: ``check`` must run where nothing is installed yet, and none shall wait for what only
another needs.
"""

import argparse
import json
import math
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import DigitsError
from utils.paths import check_writable, clear_leftovers, from_root, printable, shown, whole_file
from utils.quiet import stderr_silenced

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

    from utils.mnist import Mnist
    from utils.networks import Choice, Kind
    from utils.reader import Reading

LINE = "\n"
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
    except ImportError as error:  # nothing is installed yet, or the system lacks what a package is made with
        print(f"{error}: python -m utils check says what is missing, and the remedy.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough (… | head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # what the system has to say of a name that is too long, for example
        if error.filename is None:
            raise
        print(f"{shown(error.filename)}: {error.strerror}.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m utils", description="Train networks on MNIST and read digits.")
    commands = parser.add_subparsers(required=True, metavar=" | ".join(COMMANDS))
    for add in COMMANDS.values():
        add(commands)
    return parser


def _add_model(command: argparse.ArgumentParser, kinds: str = "a .keras file") -> None:
    command.add_argument(
        "--model",
        type=Path,
        help=f"{kinds} (default: your newest CNN, if it reads digits/ about as well as the shipped one)",
    )


def _add_reader(command: argparse.ArgumentParser, record: str, pictured: str) -> None:
    _add_model(command)
    command.add_argument("--json", action="store_true", help=f"print one JSON {record} and nothing else")
    command.add_argument("--sheet", type=Path, help=f"save a picture of {pictured}")


def _add_check(commands: argparse._SubParsersAction) -> None:
    check = commands.add_parser("check", help="is everything here that the series needs?")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from utils.check import find_all

    well = True
    for finding in find_all():
        print(finding, flush=True)
        well &= finding.ok
    print("Everything is here." if well else "Put right what is marked MISSING, then check again.")
    return 0 if well else 1


def _add_train(commands: argparse._SubParsersAction) -> None:
    train = commands.add_parser("train", help="train a network, test it and save it")
    train.add_argument("--model", choices=("mlp", "cnn"), default="cnn", help="which network (default: cnn)")
    train.add_argument("--epochs", type=_positive, help="how many passes over the images (default: the recipe's)")
    train.add_argument("--seed", type=_seed, default=0, help="for all that is random (default: 0)")
    train.add_argument(
        "--augment",
        action="store_true",
        help="redraw the images by a program, for reading people's own drawings",
    )
    train.add_argument("--learning-rate", type=_rate, help="how large the steps are at most (default: the recipe's)")
    train.add_argument("--resume", action="store_true", help="go on with a training that was interrupted")
    train.add_argument(
        "--corrections",
        type=Path,
        metavar="FOLDER",
        help="teach the present network the images of a labelled folder; kept only if the old images do not suffer",
    )
    train.add_argument("--output", type=Path, help="the .keras file to write (default: in models/learned/)")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    from utils.mnist import load_mnist
    from utils.networks import only_training, state_path

    if options.corrections:
        return _train_on_corrections(options)
    mnist = load_mnist()
    output, curves = _outputs_of_training(options, mnist)
    with only_training(output):
        for path in (output, curves, state_path(output)):
            clear_leftovers(path)
        return _train_alone(options, mnist, output, curves)


def _train_alone(options: argparse.Namespace, mnist: "Mnist", output: Path, curves: Path) -> int:
    from utils.networks import NAMES, state_path, train
    from utils.widgets import LiveCurves

    state = state_path(output)
    if options.resume:
        print(f"Going on with the training in {shown(state)}.", flush=True)
    elif state.exists():
        print(f"{shown(state)}, which an interrupted training has left, is begun anew: --resume would go on with it.")
    if options.augment:
        print("Redrawing the training images: this takes a few minutes.", flush=True)
    model, history = train(
        options.model,
        mnist,
        options.epochs,
        options.seed,
        augment=options.augment,
        learning_rate=options.learning_rate,
        state=state,
        resume=options.resume,
        live=LiveCurves(NAMES[options.model]),
    )
    _report_end(history)
    status = 130 if history.interrupted else int(history.failed)
    if status and not history.whole_epochs:
        print("There is no whole epoch yet: nothing is saved.")
        state.unlink(missing_ok=True)
        return status
    _save_training(model, history, options.model, output, curves)
    if not history.interrupted:  # last: as long as something is not written yet, --resume can still write it
        state.unlink(missing_ok=True)
    _print_test(model, mnist)
    return status


def _train_on_corrections(options: argparse.Namespace) -> int:
    from utils.mnist import load_mnist
    from utils.networks import (
        choose_model,
        correct,
        corrected_path,
        describe_corrections,
        load_model,
        read_corrections,
        save_model,
    )

    unfit = {"--augment": options.augment, "--resume": options.resume, "--epochs": options.epochs}
    for name in (name for name, given in unfit.items() if given):
        raise DigitsError(f"--corrections teaches a trained network a few steps more: leave {name} out.")
    corrections = read_corrections(options.corrections)
    mnist = load_mnist()
    output = options.output or corrected_path(options.model, mnist)
    if output.suffix != ".keras":
        raise DigitsError(f"{shown(output)} does not end in .keras: give --output such a name.")
    check_writable(output)
    choice = choose_model(options.model)
    print(_why(choice))
    print(describe_corrections(corrections), flush=True)
    model = load_model(choice.path)
    verdict = correct(model, options.model, mnist, corrections, options.seed, options.learning_rate)
    print(verdict)
    if not verdict.better:
        print("That is not better: nothing is saved, and the present network stays.")
        return 1
    print(f"Saved {shown(save_model(model, output))} (delete it to go back to the network before it)")
    return 0


def _outputs_of_training(options: argparse.Namespace, mnist: "Mnist") -> tuple[Path, Path]:
    """Choose the files for the network and its curves, and see before the training that they can be written."""
    from utils.networks import learned_path, state_path

    output = options.output or learned_path(options.model, mnist)
    if output.suffix != ".keras":
        raise DigitsError(f"{shown(output)} does not end in .keras: give --output such a name.")
    curves = output.with_suffix(".curves.png")
    for path in (output, curves, state_path(output)):
        check_writable(path)
    return output, curves


def _report_end(history: "keras.callbacks.History") -> None:
    """Say what became of a training that did not come to its end as usual."""
    from utils.networks import REMEDY

    if history.failure:
        print(f"The training's state could not be kept: {history.failure}", file=sys.stderr)
    if history.failed:
        print(f"The loss is no longer a number. {REMEDY}", file=sys.stderr)
    if history.whole_epochs and history.failed:
        print("The best weights so far are kept.")
    elif history.whole_epochs and history.interrupted:
        print("Interrupted: the best weights so far are kept. The same command with --resume goes on.")


def _save_training(
    model: "keras.Model", history: "keras.callbacks.History", kind: "Kind", output: Path, curves: Path
) -> None:
    from utils.networks import save_model
    from utils.plots import plot_histories, use_style

    hurry = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not take away what the first one left
    try:
        save_model(model, output)
    finally:
        signal.signal(signal.SIGINT, hurry)
    print(f"Saved {shown(output)}")
    use_style()
    _save(plot_histories({kind: history.history}), curves)
    print(f"Saved {shown(curves)} (loss and accuracy by epoch)")


def _print_test(model: "keras.Model", mnist: "Mnist") -> None:
    from utils.reader import scale_pixels

    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(scale_pixels(mnist.x_test), mnist.y_test, batch_size=1000, verbose=0)
    right, n = round(accuracy * len(mnist.y_test)), len(mnist.y_test)
    print(f"Test loss {loss:.4f}, test accuracy {accuracy:.2%} ({right:,} of {n:,})")


def _add_tune(commands: argparse._SubParsersAction) -> None:
    tune = commands.add_parser("tune", help="search for good settings of the CNN, with several processes")
    tune.add_argument("--trials", type=_positive, default=60, help="how many settings to try in all (default: 60)")
    tune.add_argument("--images", type=_positive, default=10_000, help="training images for each (default: 10,000)")
    tune.add_argument("--epochs", type=_positive, default=6, help="epochs for each (default: 6)")
    tune.add_argument("--workers", type=_positive, default=2, help="processes on this machine (default: 2)")
    tune.add_argument(
        "--storage",
        help="the address of the database (default: search.db in models/learned/); a search begun there goes on",
    )
    tune.add_argument("--table", type=Path, help="a file for the table of all trials (.csv)")
    tune.set_defaults(run=_tune)


def _tune(options: argparse.Namespace) -> int:
    from utils.mnist import load_mnist
    from utils.networks import Budget, best_trial, describe_trial, learned_models, search, write_trials

    budget = Budget(options.trials, options.images, options.epochs)
    mnist = load_mnist()  # says which data it is, and downloads them once and not in each worker
    if budget.images > 0.9 * len(mnist.x_train):
        budget = replace(budget, images=len(mnist.x_train))
        print("Each trial trains on all images but the tenth that is for validation: there are no more.")
    if options.table:
        check_writable(options.table)
    storage = options.storage or f"sqlite:///{learned_models() / 'search.db'}"
    file = storage.removeprefix("sqlite:///")
    if file not in ("", storage) and ":memory:" not in file:
        check_writable(from_root(file))
        storage = f"sqlite:///{from_root(file)}"
    shown_trials: set[int] = set()

    def show(trials: "Sequence[FrozenTrial]") -> None:
        for trial in trials:
            if trial.number not in shown_trials:
                shown_trials.add(trial.number)
                print(
                    f"{len(shown_trials):3} of {max(options.trials, len(trials))}: {describe_trial(trial)}", flush=True
                )

    try:
        study = search(storage, budget, options.workers, show)
    except KeyboardInterrupt:
        print("\nInterrupted: what was tried is kept, and the same command goes on.", file=sys.stderr)
        return 130
    print(f"The best: {describe_trial(best_trial(study))}")
    if options.table:
        write_trials(study, options.table)
        print(f"Saved {shown(options.table)}")
    return 0


def _add_predict(commands: argparse._SubParsersAction) -> None:
    predict = commands.add_parser("predict", help="read the digits in images")
    predict.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="images or folders (default: digits/)")
    _add_reader(predict, "array", "all images with what was read in them")
    predict.set_defaults(run=_predict)


def _predict(options: argparse.Namespace) -> int:
    from utils.reader import Reading, digits_folder, list_images, read_digits

    model = _open_model(options.model)
    _check_sheet(options.sheet)
    readings: list[Reading] = []
    for named in options.paths or [_from_here(digits_folder())]:
        try:
            files = list_images([named])
        except DigitsError as error:
            files = []
            readings.append(Reading(str(named), error=str(error)))
            _show(readings[-1], options.json)
        for file in files:
            with stderr_silenced():  # decoders in C print notes of their own
                readings.append(read_digits(model, file))
            _show(readings[-1], options.json)
    if options.json:
        print(json.dumps([reading.record() for reading in readings], indent=1))
    _save_sheet(readings, options.sheet)
    return 1 if any(reading.error for reading in readings) else 0


def _add_score(commands: argparse._SubParsersAction) -> None:
    score = commands.add_parser("score", help="count how many images of a labelled folder are read right")
    score.add_argument("folder", type=Path, metavar="FOLDER", help="with a labels.csv: the columns file and label")
    _add_reader(score, "object", "the mistakes")
    score.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    from utils.reader import Score, find_labels, read_digits

    labels = find_labels(options.folder)
    model = _open_model(options.model)
    _check_sheet(options.sheet)
    with stderr_silenced():  # decoders in C print notes of their own
        readings = [read_digits(model, file) for file in labels.of]
    score = Score(readings, list(labels.of.values()), labels)
    print(json.dumps(score.record(), indent=1) if options.json else score)
    if options.sheet and not score.wrong:
        print("No mistake: there is nothing to draw.", file=sys.stderr)
    else:
        _save_sheet(score.wrong, options.sheet)
    return 0 if score.complete else 1


def _add_export(commands: argparse._SubParsersAction) -> None:
    export = commands.add_parser("export", help="write a network in a format for use without its training")
    _add_model(export)
    export.add_argument(
        "--output",
        type=Path,
        help="a .tflite file for LiteRT, or a new folder for TensorFlow Serving (default: models/learned/cnn.tflite)",
    )
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from utils.networks import learned_models
    from utils.reader import export_model

    output = options.output or learned_models() / "cnn.tflite"
    print(f"Saved {shown(export_model(_open_model(options.model), output))}")
    return 0


def _add_serve(commands: argparse._SubParsersAction) -> None:
    serve = commands.add_parser("serve", help="read digits for browsers and programs: a web service and its page")
    serve.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for other devices, too (default: this computer)")
    serve.add_argument("--port", type=_port, default=8000, help="0 for any that is free (default: 8000)")
    serve.add_argument("--workers", type=_positive, default=1, help="how many processes read (default: 1)")
    _add_model(serve, "a .keras or an exported .tflite file")
    serve.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="another site whose pages may use the service, such as https://school.example; may be repeated",
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name that the service goes by, behind a proxy for example; * for any; may be repeated",
    )
    serve.add_argument(
        "--contest",
        action="store_true",
        help="who fools the reader? a page for the projector, and a board that is gone when the service ends",
    )
    serve.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from utils.service import serve

    serve(
        options.model or _choose_apart(),
        options.host,
        options.port,
        options.workers,
        tuple(options.allow_origin),
        tuple(options.allow_host),
        options.contest,
    )
    return 0


def _choose_apart() -> Path:
    """Choose a network in a process of its own: TensorFlow's memory is free again when it has ended."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    from utils.networks import choose_model, newest_own

    if newest_own() is None:
        return choose_model().path  # there is nothing to compare
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            choice = pool.submit(choose_model).result()
    except BrokenProcessPool as error:
        raise DigitsError(f"The networks were not compared ({error}): is there enough memory?") from error
    print(_why(choice), flush=True)
    return choice.path


def _open_model(named: Path | None) -> "keras.Model":
    from utils.networks import choose_model, describe_model, load_model

    choice = None if named else choose_model()
    model = load_model(choice.path if choice else named)
    print(_why(choice) if choice else describe_model(named), file=sys.stderr)
    return model


def _why(choice: "Choice") -> str:
    """Say which network reads and why, and how to take one's own all the same."""
    take = f"; --model {shown(choice.passed_over)} takes yours" if choice.passed_over and not choice.problem else ""
    return choice.why + take


def _check_sheet(path: Path | None) -> None:
    if path is None:
        return
    if path.suffix.lower() not in PICTURES:
        raise DigitsError(f"{shown(path)} has no ending of a picture: use one of {', '.join(PICTURES)}.")
    check_writable(path)


def _save_sheet(readings: "Sequence[Reading]", path: Path | None) -> None:
    from utils.plots import use_style
    from utils.reader import prediction_sheet

    if path is not None:
        use_style()
        _save(prediction_sheet(readings), path)
        print(f"Saved {shown(path)}", file=sys.stderr)


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
    file = printable(reading.file)
    if reading.error:
        print(f"{file}  {reading.error}", flush=True)
    elif not reading.digits:
        print(f"{file}  {reading.note}", flush=True)
    else:
        sure = ", ".join(f"{digit.probability:.1%}" for digit in reading.digits)
        note = f"  {reading.note}" if reading.note else ""
        print(f"{file}  {reading.marked.replace(LINE, ' / ')}  ({sure}){note}", flush=True)


def _add_handout(commands: argparse._SubParsersAction) -> None:
    handout = commands.add_parser("handout", help="write a folder for a class: the notebooks without their solutions")
    handout.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    handout.add_argument(
        "--for",
        dest="edition",
        choices=("students", "teacher", "nbgrader"),
        default="students",
        help="teacher: with all solutions open, and the guide; nbgrader: assignments to grade (default: students)",
    )
    handout.add_argument(
        "--offline",
        action="store_true",
        help="with the packages for this system and MNIST, for a room without a connection: about 1 GB",
    )
    handout.set_defaults(run=_handout)


def _handout(options: argparse.Namespace) -> int:
    from utils.reader import shipped_digits
    from utils.teaching import find_added, write_handout

    notebooks = write_handout(options.folder, options.edition, options.offline)
    print(f"Wrote {len(notebooks)} notebooks and what they need to {shown(options.folder)}")
    if added := find_added(shipped_digits()):
        print(f"Left out, for they are not the series' own: {_name_some(added)}")
    return 0


def _add_site(commands: argparse._SubParsersAction) -> None:
    site = commands.add_parser("site", help="build the website of the series: notebooks, guide and worksheets")
    site.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder, or one that this command has made")
    site.add_argument("--repository", metavar="URL", default="", help="where the project is published, for links to it")
    site.set_defaults(run=_site)


def _site(options: argparse.Namespace) -> int:
    from utils.teaching import write_site

    start = write_site(options.folder, options.repository)
    if not (start.parent / "read").exists():
        print("Without the page that reads digits: it needs npm and a connection (python -m utils page says more).")
    print(f"Wrote {shown(start)}. To look at it: python -m http.server -d {shown(start.parent)}")
    return 0


def _add_page(commands: argparse._SubParsersAction) -> None:
    page = commands.add_parser("page", help="write a page that reads digits in the visitor's browser, without a server")
    page.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder, or one that this command has made")
    page.set_defaults(run=_page)


def _page(options: argparse.Namespace) -> int:
    from utils.browser import write_page

    start = write_page(options.folder)
    print(f"Wrote {shown(start)}. To look at it: python -m http.server -d {shown(start.parent)}")
    return 0


def _add_forget(commands: argparse._SubParsersAction) -> None:
    forget = commands.add_parser("forget", help="delete the digits that were drawn or saved here, and their labels")
    forget.add_argument("--yes", action="store_true", help="delete at once: do not ask")
    forget.set_defaults(run=_forget)


def _forget(options: argparse.Namespace) -> int:
    from utils.teaching import find_added, find_own, forget

    own = find_own()
    if added := find_added():
        print(f"Left alone, for no pad has saved them (delete yourself what is to go): {_name_some(added)}")
    if not own:
        print("Nothing was drawn or saved here.")
        return 0
    print("These hold what was drawn here:", *map(shown, own), sep="\n  ")
    if not options.yes:
        try:
            answer = input("Delete them for good? Type yes: ")
        except EOFError:
            answer = ""
        if answer.strip().lower() != "yes":
            print("Nothing was deleted.")
            return 1
    forget(own)
    print(f"Deleted {len(own)} {'file' if len(own) == 1 else 'files'}.")
    return 0


def _name_some(paths: list[Path]) -> str:
    """Name the first few of several files or folders."""
    named = ", ".join(shown(path) for path in paths[:3])
    return f"{named} and {len(paths) - 3} more" if len(paths) > 3 else named


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: 0 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {2**32 - 1}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return rate


#: What adds each command.
COMMANDS = {
    "check": _add_check,
    "train": _add_train,
    "tune": _add_tune,
    "predict": _add_predict,
    "score": _add_score,
    "export": _add_export,
    "serve": _add_serve,
    "handout": _add_handout,
    "site": _add_site,
    "page": _add_page,
    "forget": _add_forget,
}
