"""What the lessons of the notebooks share: the learner's ten digits, guesses, gaps to fill, and questions.

In go what a learner draws, guesses, writes or chooses; out comes an answer at once, in words. The ten digits are kept
in a folder and meet every method of the series; a learner who draws none uses the ten that come with it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "pads": ["write_ten"],
        "drawings": ["ten_folder"],
        "ten": ["Ten", "load_ten"],
        "score": ["keep_score", "show_ten"],
        "guess": ["ask"],
        "checking": ["check", "is_right"],
        "questions": ["Question", "mark_up", "quiz", "read_quiz"],
    },
)
