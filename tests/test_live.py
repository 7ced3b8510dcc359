"""Without these, the curves stand still while a network trains, or an interrupt throws away what was learned."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from utils import live
from utils.live import LiveCurves, Progress, Screen
from utils.quiet import keras


class Recorder(Screen):
    moves = True

    def __init__(self):
        self.begun, self.steps, self.pictures, self.lines, self.ends = 0, [], [], [], []

    def begin(self):
        self.begun += 1

    def progress(self, progress):
        self.steps.append(progress)

    def picture(self, png):
        self.pictures.append(png)

    def epoch(self, line):
        self.lines.append(line)

    def end(self, summary, png):
        self.ends.append((summary, png))


class At(keras.callbacks.Callback):
    """Do something at one batch of one epoch."""

    def __init__(self, epoch, batch, action):
        super().__init__()
        self.at, self.action = (epoch, batch), action

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            self.action()


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # Python hears it between two instructions


@pytest.fixture
def quick(monkeypatch):
    """Draw whenever there is something to draw."""
    monkeypatch.setattr(live, "SHORTEST", 0.0)
    monkeypatch.setattr(live, "ADVANCE", 100.0)


def fit(callback, *others, validate=True, metrics=("accuracy",), epochs=2, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=list(metrics), jit_compile=False)
    x = np.random.default_rng(0).random((200, 28, 28, 1)).astype("float32")
    y = np.arange(200) % 10
    options |= {"validation_data": (x[:50], y[:50])} if validate else {}
    history = model.fit(
        x, y, batch_size=10, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback, *others], **options
    )
    return history, model


def test_the_curves_move_within_the_epoch(quick):
    screen = Recorder()
    callback = LiveCurves("a", screen=screen)
    history, _ = fit(callback)
    epochs, losses = callback.curves["loss"]
    assert epochs == pytest.approx(np.arange(1, 41) / 20), "a point for each of the 20 batches of an epoch"
    assert np.mean(losses[:20]) == pytest.approx(history.history["loss"][0], rel=1e-4), "the parts make up the epoch"
    assert callback.curves["val_loss"] == ([1, 2], history.history["val_loss"])
    assert len(screen.pictures) > 20
    assert len(set(screen.pictures)) == len(screen.pictures), "no picture is like the one before"
    assert all(picture.startswith(b"\x89PNG") for picture in screen.pictures)
    assert (screen.begun, len(screen.ends), len(screen.lines)) == (1, 1, 2)
    assert callback.whole_epochs == 2


def test_drawing_is_given_a_small_part_of_the_time():
    screen = Recorder()
    began = time.perf_counter()
    callback = LiveCurves("a", screen=screen)
    fit(callback, epochs=20)
    assert len(screen.pictures) <= 2 + (time.perf_counter() - began) / live.SHORTEST


def test_the_progress_says_how_far_it_is(quick):
    screen = Recorder()
    fit(LiveCurves("a", screen=screen))
    fractions = [step.fraction for step in screen.steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert screen.steps[-1].seconds_left == 0
    assert any(step.images_per_second for step in screen.steps) or screen.steps[-1].seconds_left < 0.2
    text = str(Progress(3, 10, 212, 422, 5312.4, 74.6))
    assert text == "epoch 3 of 10 · batch 212 of 422 · 5,312 images/s · 1:15 left"


def test_an_interrupt_ends_the_training_and_loses_nothing(quick):
    """The history is there, the best weights are back, the code below goes on, and a second training works."""
    screen, seen = Recorder(), []
    best = keras.callbacks.EarlyStopping(restore_best_weights=True, patience=9)
    weights = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((logs["val_loss"], weights.model.get_weights()))
    )
    callback = LiveCurves("a", screen=screen)
    handler = signal.getsignal(signal.SIGINT)
    history, model = fit(callback, best, weights, At(3, 7, interrupt), epochs=9)
    assert callback.stopped
    assert len(history.history["val_loss"]) == 4, "the epoch that was cut short is validated, too"
    assert callback.whole_epochs == 3
    assert callback.curves["val_loss"][0] == pytest.approx([1, 2, 3, 3.45], abs=0.06)
    expected = min(seen, key=lambda pair: pair[0])[1]
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), expected, strict=True))
    assert "Stopped in epoch 4 of 9" in screen.ends[0][0]
    assert signal.getsignal(signal.SIGINT) is handler

    history, _ = fit(callback, best)
    assert not callback.stopped
    assert len(history.history["loss"]) == 2


def test_an_impatient_second_interrupt_loses_nothing_either(monkeypatch):
    callback = LiveCurves("a", screen=Recorder())
    history, _ = fit(callback, At(0, 5, lambda: [interrupt(), interrupt(), interrupt()]))
    assert callback.stopped
    assert len(history.history["loss"]) == 1

    monkeypatch.setattr(live, "PATIENCE", 0.0)  # but what does not end can be ended
    with pytest.raises(KeyboardInterrupt):
        fit(LiveCurves("a", screen=Recorder()), At(0, 5, lambda: [interrupt(), interrupt()]))


def test_another_thread_can_stop_it():
    """The experiment panel trains in a thread, where there are no interrupts."""
    stop = threading.Event()
    callback, result = LiveCurves("a", screen=Recorder(), stop=stop), []
    handler = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: result.append(fit(callback, At(1, 3, stop.set), epochs=50)))
    thread.start()
    thread.join(60)
    assert callback.stopped
    assert len(result[0][0].history["loss"]) == 2
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize("options", [{"validate": False}, {"metrics": ()}, {"validate": False, "metrics": ()}])
def test_what_an_exercise_may_leave_out(quick, options):
    """No validation images, no accuracy: then there are no such curves, and no error."""
    screen = Recorder()
    for _ in range(2):
        fit(LiveCurves("a", screen=screen), **options)
    assert len(screen.ends) == 2
    assert "Done: 2 epochs" in screen.ends[0][0]


def test_a_loss_that_is_no_number_does_not_hide_the_rest(quick):
    screen = Recorder()
    callback = LiveCurves("a", screen=screen)
    blow_up = At(1, 3, lambda: blow_up.model.layers[-1].bias.assign(np.full(10, np.nan)))
    fit(callback, blow_up, epochs=3)
    assert np.isnan(callback.curves["loss"][1][-1])
    assert len(screen.ends) == 1


def test_earlier_trainings_are_drawn_beside_it(quick, monkeypatch):
    figures = []
    monkeypatch.setattr(live, "to_png", lambda figure, small: figures.append(figure))
    first = LiveCurves("first", screen=Recorder())
    fit(first)
    fit(LiveCurves("second", beside=[first], screen=Recorder()))
    figure = figures[-1]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0].startswith("first")
    assert labels[1].startswith("second")
    assert "best: epoch 2" in labels[0], "the best epoch is marked"
    assert len(figure.axes[0].lines) == 6, "training, validation and a ring for each of the two"


def test_without_a_page_there_are_lines(capsys):
    """In a terminal, a script or a test run nothing moves."""
    fit(LiveCurves("a"))
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3
    assert out[0].startswith("epoch  1 of 2: training loss ≈ ")
    assert out[2].startswith("Done: 2 epochs, ≈ ")
    assert "\r" not in "".join(out)


def test_in_a_terminal_the_progress_is_written_over_itself(quick, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    fit(LiveCurves("a"))
    out = capsys.readouterr().out
    assert out.count("\n") == 3
    assert out.count("\r\033[Kepoch 1 of 2 · batch") > 3


class FakeKernel:
    def __init__(self, metadata):
        self.metadata = metadata

    def get_parent(self, channel):
        return {"metadata": self.metadata} if channel == "shell" else {}


@pytest.mark.parametrize(("metadata", "page"), [({"cellId": "1"}, True), ({}, False)])
def test_a_page_is_told_from_a_run_without_one(monkeypatch, metadata, page):
    shell = type("Shell", (), {"kernel": FakeKernel(metadata)})
    monkeypatch.setattr(live, "get_ipython", lambda: shell)
    assert live.in_live_page() is page


def test_a_page_shows_one_bar_and_one_picture_that_change_in_their_place(quick, monkeypatch):
    """Whatever else the cell has printed stays where it is, and in the end a line and a picture are left."""
    displays = []

    class Handle:
        def __init__(self, content):
            self.contents = [content]
            displays.append(self)

        def update(self, content, raw=False):
            self.contents.append(content)

    monkeypatch.setattr(live, "display", lambda content, display_id, raw=False: Handle(content))
    fit(LiveCurves("a", screen=live.Page()))
    line, picture = displays
    bar = line.contents[0]
    assert (bar.fraction, "epoch 2 of 2 · batch 20 of 20" in bar.text) == (1, True)
    assert line.contents[1]["text/plain"].startswith("Done: 2 epochs")
    assert len(picture.contents) > 20
    assert picture.contents[-1]["image/png"].startswith(b"\x89PNG"), "which stays"
