"""Without these, a network that was trained on other pixels reads noise, and nobody is told."""

import numpy as np
import pytest

from utils.reader import find_manner


def judge(reads):
    """A network of which it is known how many of the forty digits it reads in each range, and how surely."""

    def answer(images):
        count, share = reads(images)
        digits = np.arange(len(images)) % 10
        wrong = np.arange(len(images)) >= count
        table = np.full((len(images), 10), (1 - share) / 9, np.float32)
        table[np.arange(len(images)), (digits + wrong) % 10] = share
        return table

    return answer


@pytest.mark.parametrize(
    ("zero_to_one", "zero_to_255", "scale"),
    [
        ((20, 0.15), (28, 0.9), 255),  # one that reads some digits in the wrong range, too
        ((37, 0.95), (40, 1.0), 1),  # one that is at home, and by chance reads more elsewhere
        ((25, 0.13), (26, 0.9), 1),  # no clear difference
        ((4, 0.3), (10, 0.9), 1),  # one that has learned little
    ],
)
def test_a_network_is_given_the_pixels_that_it_was_trained_on(zero_to_one, zero_to_255, scale):
    reads = {1: zero_to_one, 255: zero_to_255}
    manner = find_manner(
        judge(lambda images: reads.get(round(float(images.max() - images.min())), (3, 0.9))), "a.keras"
    )
    assert manner.scale == scale
    assert not manner.logits
