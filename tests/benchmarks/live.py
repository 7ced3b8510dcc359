"""What the live curves cost: the same training without them, with them, and with livelossplot, in one run.

``python tests/benchmarks/live.py [rounds [mlp] [cnn]]`` from the project's root. Everything is trained in one notebook
kernel, which is told that a page is looking, so that every picture is drawn, compressed and sent. What a browser takes
to show them is not in these times.

On a machine that does other work, too, the times of whole trainings vary by more than what is looked for. So the cost
is also measured in its two parts. What LiveCurves spends in its own methods is timed there, as a share of the whole
training. What it changes in the rest of the time, shows in many short trainings in turn: with it, less its own
methods, against without.
"""

import json
import sys

import numpy as np
from jupyter_client.manager import start_new_kernel

SETUP = """
import sys, time
sys.path.insert(0, ".")
from utils.mnist import load_mnist
from utils.networks import BATCH_SIZES, BUILDERS, LEARNING_RATES, compile_model, split_training
from utils.plots import use_style
from utils.widgets import LiveCurves, in_live_page
import keras
from livelossplot import PlotLossesKeras
use_style()
mnist = load_mnist()
x_train, x_val, y_train, y_val = split_training(mnist)
assert in_live_page()


class Timed(LiveCurves):
    # Adds up the time that is spent in its own methods.

    seconds = 0.0


def timed(name):
    def method(self, *arguments, **options):
        began = time.perf_counter()
        getattr(LiveCurves, name)(self, *arguments, **options)
        Timed.seconds += time.perf_counter() - began

    return method


for name in ("on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"):
    setattr(Timed, name, timed(name))
made = {"without": lambda: [], "LiveCurves": lambda: [Timed("a")], "livelossplot": lambda: [PlotLossesKeras()]}
"""
TRAINING = """
keras.utils.set_random_seed(0)
model = BUILDERS["{kind}"]()
compile_model(model, {epochs} * len(x_train) // BATCH_SIZES["{kind}"], LEARNING_RATES["{kind}"])
callbacks, Timed.seconds = made["{how}"](), 0.0
began = time.perf_counter()
model.fit(x_train, y_train, batch_size=BATCH_SIZES["{kind}"], epochs={epochs}, validation_data=(x_val, y_val),
          callbacks=callbacks, verbose=0)
seconds = time.perf_counter() - began
print("SECONDS", seconds, Timed.seconds)
"""
EPOCHS = {"mlp": 10, "cnn": 2}
SHORT_TRAININGS = {"mlp": 30, "cnn": 6}
WAYS = "without", "LiveCurves", "livelossplot"


class Kernel:
    """A kernel that is asked as JupyterLab asks it."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")

    def run(self, code: str) -> tuple[str, int]:
        """Run code; give what it printed, and how many pictures it sent."""
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": "a-cell"})
        self.client.shell_channel.send(message)
        printed, pictures = "", 0
        while True:
            answer = self.client.get_iopub_msg(timeout=600)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream":
                printed += content["text"]
            elif kind in ("display_data", "update_display_data"):
                pictures += "image/png" in content["data"]
            elif kind == "error":
                sys.exit("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return printed, pictures

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def main() -> None:
    """Train in turn, and print medians and ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    kernel = Kernel()
    try:
        print(kernel.run(SETUP)[0].strip())
        for kind in sys.argv[2:] or EPOCHS:
            epochs = EPOCHS[kind]
            seconds, pictures, own = {way: [] for way in WAYS}, dict.fromkeys(WAYS, 0), []
            kernel.run(TRAINING.format(kind=kind, epochs=1, how="without"))  # to warm up
            for turn in range(rounds):
                for way in WAYS[turn % 3 :] + WAYS[: turn % 3]:
                    printed, pictures[way] = kernel.run(TRAINING.format(kind=kind, epochs=epochs, how=way))
                    took, inside = map(float, printed.split("SECONDS")[1].split())
                    seconds[way].append(took)
                    if way == "LiveCurves":
                        own.append(inside / took)
            print(f"{kind}, {epochs} epochs, {rounds} rounds:")
            for way in WAYS:
                ratios = np.divide(seconds[way], seconds["without"])
                print(
                    f"  {way:12} {np.median(seconds[way]):5.1f} s "
                    f"({min(seconds[way]):.1f} to {max(seconds[way]):.1f}), "
                    f"{np.median(ratios):.3f} of the time without ({ratios.min():.3f} to {ratios.max():.3f}), "
                    f"fastest to fastest {min(seconds[way]) / min(seconds['without']):.3f}, {pictures[way]} pictures"
                )
            print(f"  in LiveCurves' own methods: {np.median(own):.3f} of the time ({min(own):.3f} to {max(own):.3f})")
            rest = {way: [] for way in WAYS[:2]}
            for turn in range(SHORT_TRAININGS[kind]):
                for way in WAYS[:2][:: 1 if turn % 2 else -1]:
                    printed, _ = kernel.run(TRAINING.format(kind=kind, epochs=1, how=way))
                    took, inside = map(float, printed.split("SECONDS")[1].split())
                    rest[way].append(took - inside)
            ratios = np.divide(rest["LiveCurves"], rest["without"])
            print(
                f"  the rest of the time: {np.median(ratios):.3f} of the time without, the median of {len(ratios)} "
                f"trainings of one epoch each (half of them {np.quantile(ratios, 0.25):.3f} to "
                f"{np.quantile(ratios, 0.75):.3f})"
            )
            print(json.dumps({"kind": kind, "seconds": seconds}), file=sys.stderr)
    finally:
        kernel.close()


if __name__ == "__main__":
    main()
