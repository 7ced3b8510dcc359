"""Without these, the curves stand still while a network trains, or a slip in an exercise ends the training."""

import numpy as np
import pytest

from utils import live
from utils.quiet import keras


@pytest.fixture
def shown(monkeypatch):
    """Stand in for the notebook: a list of the figures that were shown, by display."""
    displays = []

    class Handle:
        def __init__(self, figure):
            self.figures = [figure]
            displays.append(self.figures)

        def update(self, figure):
            self.figures.append(figure)

    monkeypatch.setattr(live, "display", lambda figure, display_id: Handle(figure))
    return displays


def fit(callback, **options):
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    x = np.random.default_rng(0).random((200, 28, 28, 1)).astype("float32")
    y = np.arange(200) % 10
    return model.fit(x, y, batch_size=10, epochs=2, shuffle=False, verbose=0, callbacks=[callback], **options), (x, y)


def test_the_curves_move_within_the_epoch_in_one_picture(shown):
    callback = live.LiveCurves("a")
    x, y = np.zeros((10, 28, 28, 1)), np.zeros(10)
    history, _ = fit(callback, validation_data=(x, y))
    assert len(shown) == 1, "one picture that changes, not one after the other"
    assert len(shown[0]) >= 3, "the beginning, and the end of each epoch"
    epochs, losses = callback.curves["loss"]
    assert epochs == pytest.approx(np.arange(1, 21) / 10)
    assert np.mean(losses[:10]) == pytest.approx(history.history["loss"][0], rel=1e-4), "the parts make up the epoch"
    assert callback.curves["val_loss"] == ([1, 2], history.history["val_loss"])


def test_without_validation_images_and_twice_in_a_row(shown):
    callback = live.LiveCurves("a")
    for _ in range(2):
        fit(callback)
        assert len(callback.curves["loss"][0]) == 20
        assert callback.curves["val_loss"] == ([], [])
    assert len(shown) == 2
