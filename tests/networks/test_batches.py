"""Without these, a network learns from images that are not what the lesson says, or never sees some of them."""

import keras
import numpy as np
import pytest

from utils.networks.batches import Batches, distort


@pytest.fixture
def images():
    return np.random.default_rng(0).random((200, 28, 28, 1)).astype("float32")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"pixels": 2}, "moved"),
        ({"turn": 10}, "turned"),
        ({"size": 0.1}, "scaled"),
        ({"slant": 0.15}, "slanted"),
    ],
)
def test_each_distortion_does_what_it_says_and_no_more(given, expected):
    """A bar that stands upright in the middle shows what was done to it."""
    bar = np.zeros((200, 28, 28, 1), np.float32)
    bar[:, 6:22, 13:15] = 1
    nothing = {"pixels": 0, "turn": 0, "size": 0, "slant": 0}
    assert np.allclose(distort(bar, np.random.default_rng(0), **nothing), bar)
    done = distort(bar, np.random.default_rng(0), **(nothing | given))
    assert done.dtype == np.float32
    y, x = np.mgrid[:28, :28] - 13.5
    mass = done[..., 0].sum((1, 2))
    centre = np.stack([(done[..., 0] * axis).sum((1, 2)) / mass for axis in (y, x)])
    y, x = y - centre[0][:, None, None], x - centre[1][:, None, None]
    tilt = (done[..., 0] * x * y).sum((1, 2)) / (done[..., 0] * y * y).sum((1, 2))
    moved, tilted = np.abs(centre).max(), np.abs(tilt).max()
    assert (1.8 < moved < 2.1) if expected == "moved" else moved < 0.1
    if expected == "turned":
        assert np.tan(np.radians(9)) < tilted < np.tan(np.radians(10.2))
    elif expected == "slanted":
        assert 0.135 < tilted < 0.152
    else:
        assert tilted < 0.01
    if expected == "scaled":
        assert 0.8 < (mass / 32).min() < 0.9
        assert 1.12 < (mass / 32).max() < 1.25
    else:
        assert np.allclose(mass / 32, 1, atol=0.04)


def epoch_of(batches):
    pairs = [batches[index] for index in range(len(batches))]
    return np.concatenate([images for images, _ in pairs]), np.concatenate([targets for _, targets in pairs])


def test_each_epoch_has_every_image_once_with_its_label_in_a_new_order(images):
    batches = Batches(images, np.arange(200), batch_size=64)
    orders = []
    for _ in range(3):
        shown, targets = epoch_of(batches)
        assert np.array_equal(shown, images[targets])
        assert sorted(targets) == list(range(200))
        orders.append(tuple(targets))
        batches.on_epoch_end()
    assert len(set(orders)) == 3


def test_an_epoch_can_be_had_again(images):
    """A training that goes on must see what it would have seen."""
    first = Batches(images, np.arange(200), distort, seed=3)
    first.on_epoch_end()
    again = Batches(images, np.arange(200), distort, seed=3, first_epoch=1)
    for a, b in zip(epoch_of(first), epoch_of(again), strict=True):
        assert np.array_equal(a, b)
    other = Batches(images, np.arange(200), distort, seed=4, first_epoch=1)
    assert not np.array_equal(epoch_of(first)[0], epoch_of(other)[0])


def test_keras_goes_through_the_epochs(images):
    """Keras itself must ask for each epoch's images in turn."""
    seen = []

    class Watched(Batches):
        def make_batch(self, chosen, epoch, rng):
            seen.append(epoch)
            return super().make_batch(chosen, epoch, rng)

    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(Watched(images, np.zeros(200)), epochs=3, verbose=0)
    assert sorted(set(seen))[:4] == [0, 1, 2, 3], "the first is only looked at"
    assert all(seen.count(epoch) >= 2 for epoch in (1, 2, 3)), "two batches each"
