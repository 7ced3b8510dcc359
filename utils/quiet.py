"""Keras and TensorFlow, without what TensorFlow writes on the screen when it starts.

TensorFlow's C++ parts print notes about processors and graphics cards before any of its settings can tell them
not to. They tell a student nothing and look like errors, so they are kept off the screen during the import.
"""

import os

from utils.silence import stderr_silenced

with stderr_silenced():
    import keras
    import tensorflow

__all__ = ["keras", "limit_threads", "tensorflow"]


def limit_threads(processes: int) -> None:
    """Take only this process's share of the processor's cores.

    Parameters
    ----------
    processes
        How many processes train at the same time. It must be said before the first network is built.
    """
    threads = max(1, (os.cpu_count() or 1) // processes)
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
