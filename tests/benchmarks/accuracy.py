"""Train both networks with the series' recipe for several seeds: ``python tests/benchmarks/accuracy.py [SEED …]``.

Prints, for each network, test accuracy and training time: the median of the seeds (0, 1 and 2 unless others are
named), and the lowest and the highest. Run it from the project's root, on all of MNIST.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from utils.mnist import load_mnist
from utils.models import BUILDERS
from utils.normalise import scale_pixels
from utils.training import train


def main(seeds: list[int]) -> None:
    mnist = load_mnist()
    x_test = scale_pixels(mnist.x_test)
    for kind in BUILDERS:
        accuracies, times = [], []
        for seed in seeds:
            began = time.perf_counter()
            model, _ = train(kind, mnist, seed=seed, verbose=False)
            times.append(time.perf_counter() - began)
            predictions = model.predict(x_test, batch_size=1000, verbose=0).argmax(axis=1)
            accuracies.append((predictions == mnist.y_test).mean())
        print(
            f"{kind}  {model.count_params():,} parameters  "
            f"test accuracy {statistics.median(accuracies):.2%} ({min(accuracies):.2%} to {max(accuracies):.2%})  "
            f"training {statistics.median(times):.0f} s ({min(times):.0f} to {max(times):.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
