"""Without these, the curves stand still while a network trains, or an interrupt throws away what was learned."""

import signal
import threading
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from utils.widgets import drawing, front_end, live, screens
from utils.widgets.live import LiveCurves
from utils.widgets.screens import Progress, Screen


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

    def end(self, summary, draw):
        self.ends.append((summary, draw()))


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
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def quick(monkeypatch):
    """Draw whenever there is something to draw."""
    monkeypatch.setattr(live, "SHORTEST", 0.0)
    monkeypatch.setattr(live, "DRAWING_SHARE", 100.0)


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


def test_drawing_is_given_a_small_part_of_the_time(monkeypatch):
    """However slow the drawing is, the training comes first."""
    monkeypatch.setattr(live, "SHORTEST", 0.0)

    class Slow(Recorder):
        def picture(self, png):
            super().picture(png)
            time.sleep(0.1)

    screen, began = Slow(), time.perf_counter()
    fit(LiveCurves("a", screen=screen), epochs=10)
    most = live.DRAWING_SHARE * (time.perf_counter() - began)
    assert 2 <= len(screen.pictures) <= most / 0.1 + 3, "the first, the first with validation, and what is affordable"
    assert len(screen.pictures) < 100


def test_the_progress_says_how_far_it_is(quick, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    screen = Recorder()
    fit(At(0, 5, lambda: now.append(now.pop() + 0.6)), LiveCurves("a", screen=screen))
    fractions = [step.fraction for step in screen.steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert screen.steps[-1].seconds_left == 0
    speeds = [step.images_per_second for step in screen.steps if step.images_per_second]
    assert speeds[0] == pytest.approx(60 / 0.6), "six batches of ten images, after a wait of 0.6 seconds"
    text = str(Progress(3, 10, 212, 422, 5312.4, 74.6))
    assert text == "epoch 3 of 10 · batch 212 of 422 · 5,300 images/s · 1:15 left"
    assert str(Progress(1, 2, 3, None, None, None)) == "epoch 1 of 2 · batch 3"


def test_an_interrupt_ends_the_training_and_loses_nothing(quick):
    """The history is there, the best weights are back, the code below goes on, and a second training works."""
    screen, seen = Recorder(), []
    best = keras.callbacks.EarlyStopping(restore_best_weights=True, patience=9)
    weights = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((logs["val_loss"], weights.model.get_weights()))
    )
    callback = LiveCurves("a", screen=screen)
    history, model = fit(callback, best, weights, At(3, 7, interrupt), epochs=9)
    assert callback.stopped
    assert len(history.history["val_loss"]) == 4, "the epoch that was cut short is validated, too"
    assert callback.whole_epochs == 3
    assert callback.curves["val_loss"][0] == pytest.approx([1, 2, 3, 3.45], abs=0.06)
    expected = min(seen, key=lambda pair: pair[0])[1]
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), expected, strict=True))
    assert "Stopped in epoch 4 of 9" in screen.ends[0][0]

    history, _ = fit(callback, best)
    assert not callback.stopped
    assert len(history.history["loss"]) == 2


def test_an_impatient_second_interrupt_loses_nothing_either(monkeypatch):
    callback = LiveCurves("a", screen=Recorder())
    history, _ = fit(callback, At(0, 5, lambda: [interrupt(), interrupt(), interrupt()]))
    assert callback.stopped
    assert len(history.history["loss"]) == 1

    monkeypatch.setattr("utils.networks.stopping.PATIENCE", 0.0)  # but what does not end can be ended
    with pytest.raises(KeyboardInterrupt):
        fit(LiveCurves("a", screen=Recorder()), At(0, 5, lambda: [interrupt(), interrupt()]))


@pytest.mark.parametrize(
    ("moment", "epochs"),
    [
        pytest.param("on_train_batch_end", 1, id="in a batch"),
        pytest.param("on_test_batch_end", 1, id="in the validation"),
        pytest.param("picture", 1, id="while the curves are drawn"),
        pytest.param("on_epoch_end", 2, id="at the end of an epoch"),
        pytest.param("on_train_end", 3, id="while the weights are restored"),
    ],
)
def test_a_double_click_at_any_moment_loses_nothing(moment, epochs, quick, monkeypatch):
    """The second click comes when the training has ended: it must not end the cell, and with it lose the history."""
    monkeypatch.setattr("utils.networks.stopping.DOUBLE_CLICK", 60.0)  # however slow this machine is
    screen, clicks = Recorder(), []

    def click(*_, **__):
        if not clicks:
            clicks.append(interrupt())

    other = keras.callbacks.Callback()
    setattr(screen if moment == "picture" else other, moment, click)
    callback = LiveCurves("a", screen=screen)
    history, _ = fit(callback, keras.callbacks.EarlyStopping(restore_best_weights=True), other, epochs=3)
    interrupt()
    assert clicks
    assert len(history.history["loss"]) == epochs
    assert callback.stopped is (epochs < 3)

    monkeypatch.setattr("utils.networks.stopping.DOUBLE_CLICK", 0.0)
    with pytest.raises(KeyboardInterrupt):  # a later one is for what runs then
        interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_that_fails_leaves_interrupts_as_they_were():
    """After an error, Ctrl-C must end what runs then, and not a training that is over."""

    def fail():
        raise RuntimeError("a callback of the learner's")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fit(LiveCurves("a", screen=Recorder()), At(0, 3, fail))
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_after_the_last_batch_has_stopped_nothing():
    callback = LiveCurves("a", screen=Recorder())
    fit(callback, At(1, 19, interrupt))
    assert (callback.stopped, callback.whole_epochs) == (False, 2)


def test_trainings_that_do_not_begin_or_step_as_usual(quick):
    """The numbers must be true also after an initial epoch, with several steps at a time, and seldom validation."""
    screen = Recorder()
    callback = LiveCurves("a", screen=screen)
    fit(callback, epochs=10, initial_epoch=8)
    assert "Done: 2 epochs" in screen.ends[0][0]
    assert "The best was epoch 10" in screen.ends[0][0]
    assert callback.whole_epochs == 2
    assert all(step.seconds_left is None or step.seconds_left >= 0 for step in screen.steps)

    fit(callback, epochs=4, validation_freq=2)
    assert callback.curves["val_loss"][0] == [2, 4]
    assert "The best was epoch 4" in screen.ends[1][0]

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=8, jit_compile=False)
    model.fit(np.zeros((200, 4)), np.zeros(200), batch_size=10, epochs=2, verbose=0, callbacks=[callback])
    assert callback.whole_epochs == 2
    assert max(callback.curves["loss"][0]) == 2
    assert max(step.fraction for step in screen.steps) == 1


@pytest.mark.filterwarnings("ignore::UserWarning:keras")  # Keras is surprised, too
def test_data_of_unknown_length(quick):
    """A generator says how long it is only when it is over."""
    screen = Recorder()
    callback = LiveCurves("a", screen=screen)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    batches = ((np.zeros((10, 4)), np.zeros(10)) for _ in range(12))
    model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[callback])
    assert callback.curves["loss"][0] == [1]
    assert str(screen.steps[0]).startswith("epoch 1 of 1 · batch 1")
    assert callback.whole_epochs == 1


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


def test_a_loss_that_is_no_number_ends_the_training(quick):
    """No later batch would bring it back: what was good is kept, and a line says what to try."""
    screen = Recorder()
    callback = LiveCurves("a", screen=screen)
    best = keras.callbacks.EarlyStopping(restore_best_weights=True)
    blow_up = At(1, 3, lambda: blow_up.model.layers[-1].bias.assign(np.full(10, np.nan)))
    history, model = fit(blow_up, callback, best, epochs=3)
    assert (callback.failed, callback.stopped, callback.whole_epochs) == (True, False, 1)
    assert len(history.history["loss"]) == 2
    assert np.isfinite(model.get_weights()[0]).all()
    assert np.isfinite(callback.curves["loss"][1][:20]).all()
    assert "Ended in epoch 2 of 3, after batch 5: the loss is no longer a number." in screen.ends[0][0]
    assert "Try a learning rate of a tenth" in screen.ends[0][0]
    assert "The best was epoch 1" in screen.ends[0][0]

    history, _ = fit(callback)
    assert not callback.failed


def test_earlier_trainings_are_drawn_beside_it(quick, monkeypatch):
    figures = []
    monkeypatch.setattr(drawing, "to_png", lambda figure, small: figures.append(figure))
    first = LiveCurves("first", screen=Recorder())
    fit(first)
    fit(LiveCurves("first", beside=[first], screen=Recorder()))
    figure = figures[-1]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0].startswith("first")
    assert labels[1].startswith("first (2)"), "two of the same name can be told apart"
    assert "best: epoch 2" in labels[0], "the best epoch is marked"
    assert len(figure.axes[0].lines) == 6, "training, validation and a ring for each of the two"


def test_without_a_page_there_are_lines(capsys):
    """In a terminal, a script or a test run nothing moves."""
    fit(LiveCurves("a"))
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4
    assert out[0].startswith("epoch  1 of 2: training loss ")
    assert out[2].startswith("Done: 2 epochs, ")
    assert "\r" not in "".join(out)


def test_in_a_terminal_the_progress_is_written_over_itself(quick, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    fit(LiveCurves("a"))
    out = capsys.readouterr().out
    assert out.count("\n") == 4
    assert out.count("\r\033[Kepoch 1 of 2 · batch") > 3


class FakeKernel:
    def __init__(self, metadata):
        self.metadata = metadata

    def get_parent(self, channel):
        return {"metadata": self.metadata} if channel == "shell" else {}


@pytest.mark.parametrize(("metadata", "page"), [({"cellId": "1"}, True), ({}, False)])
def test_a_page_is_told_from_a_run_without_one(monkeypatch, metadata, page):
    shell = type("Shell", (), {"kernel": FakeKernel(metadata)})
    monkeypatch.setattr(front_end, "get_ipython", lambda: shell)
    assert front_end.in_live_page() is page


def test_a_page_shows_one_bar_and_one_picture_that_change_in_their_place(quick, monkeypatch):
    """Whatever else the cell has printed stays where it is, and in the end a line and a picture are left."""
    displays = []

    class Handle:
        def __init__(self, content):
            self.contents = [content]
            displays.append(self)

        def update(self, content, raw=False):
            self.contents.append(content)

    monkeypatch.setattr(screens, "display", lambda content, display_id, raw=False: Handle(content))
    fit(LiveCurves("a", screen=screens.Page()))
    line, picture = displays
    bar = line.contents[0]
    assert (bar.fraction, "epoch 2 of 2 · batch 20 of 20" in bar.text) == (1, True)
    assert line.contents[1]["text/plain"].startswith("Done: 2 epochs")
    assert len(picture.contents) > 20
    assert picture.contents[-1]["image/png"].startswith(b"\x89PNG"), "which stays"


def test_the_bar_does_not_outlive_a_training_that_an_error_has_ended(monkeypatch):
    """Its Stop would interrupt whatever cell runs next."""
    registered, contents = [], []
    events = type(
        "Events",
        (),
        {"register": lambda self, *a: registered.append(a), "unregister": lambda self, *a: registered.remove(a)},
    )()
    monkeypatch.setattr(screens, "get_ipython", lambda: type("Shell", (), {"events": events}))
    monkeypatch.setattr(
        screens,
        "display",
        lambda content, display_id, raw=False: type(
            "Handle", (), {"update": lambda self, new, raw: contents.append(new)}
        )(),
    )

    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(LiveCurves("a", screen=screens.Page()), At(0, 3, fail))
    ((event, close),) = registered
    assert event == "post_run_cell"
    close(None)
    assert registered == []
    assert contents[-1]["text/plain"] == "This training was not brought to its end."
    fit(LiveCurves("a", screen=screens.Page()))
    assert registered == []


def test_of_many_trainings_the_last_are_named():
    """A legend of twenty runs would cover the page."""
    from utils.plots import plot_curves

    figure = plot_curves({f"run {number}": {"loss": ([1, 2], [2, 1])} for number in range(20)})
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:7] == [f"run {number}" for number in range(13, 20)]
    assert len(figure.axes[0].lines) == 20
