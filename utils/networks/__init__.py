"""The networks: how they are built and trained, and the trained ones on disk.

In go MNIST's images, as `utils.mnist.load_mnist` gives them; out comes a trained Keras network, whole on disk or not at
all. The recipe is that of notebooks 04, 05 and 06, in the open there. On top of it come the images that the network for
people's own drawings is trained with (``redraw`` and the other drawing functions), trainings that go on after an
interruption, and the search for good settings in several processes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "files": ["Kind", "describe_model", "learned_models", "learned_path", "newest_own", "shipped_models"],
        "choice": ["Choice", "choose_model", "load_reader"],
        "models": ["BUILDERS", "NAMES", "build_cnn", "build_mlp"],
        "store": ["load_model", "load_unseeing", "save_model"],
        "batches": ["Batches", "distort", "warp"],
        "stopping": ["REMEDY", "OrderlyEnd"],
        "checkpoint": ["only_training", "state_path"],
        "training": ["BATCH_SIZES", "EPOCHS", "LEARNING_RATES", "compile_model", "split_training", "train"],
        "corrections": [
            "Corrections", "Verdict", "correct", "corrected_path", "describe_corrections", "fine_tune",
            "read_corrections",
        ],
        "pen": ["FORMS", "LETTERS", "draw_form"],
        "augment": ["draw_again", "draw_digit", "draw_nothing", "redraw"],
        "tuning": [
            "Budget", "best_trial", "describe_trial", "finished", "limit_threads", "read_trials", "search",
            "write_trials",
        ],
    },
)  # fmt: skip
