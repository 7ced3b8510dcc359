"""The reader: from an image file to text. Nothing in here loads TensorFlow until a Keras network is given.

In goes an image file, or its bytes, and a trained network; out come the digits with their places and probabilities.
Data flows one way, and each arrow is one function that can be called alone::

    file ── read_image ──► grey ── lift_sheet ──► sheet ── extract_ink ──► ink ── find_digits ──► digits
    digits ── normalise_digit ──► 28 × 28
    28 × 28 ── predict_probabilities ──► probabilities ── read_page ──► digits in reading order ── Reading ──► text

``read_digits`` goes all the way; ``Score`` says how well a labelled folder is read; ``ExportedNetwork`` answers without
TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "images": [
            "IMAGE_SUFFIXES",
            "decode_image",
            "digits_folder",
            "list_images",
            "prepare_image",
            "prepare_page",
            "read_image",
            "shipped_digits",
        ],
        "paper": ["find_sheet", "lift_sheet"],
        "ink": ["WIDEST", "extract_ink"],
        "segmentation": ["find_digits"],
        "doubt": ["Evidence", "gather_evidence", "holds_no_digits", "probability_of_none"],
        "normalise": ["limit_stroke", "normalise_digit", "scale_pixels", "shift_outline", "stroke_width", "trim"],
        "manner": ["Manner", "find_manner"],
        "reading": ["SURE", "Digit", "Reading", "keep_readable", "predict_probabilities", "read_digits", "read_page"],
        "labels": ["Labels", "add_labelled", "find_labels", "named_images", "read_labels", "remove_labels"],
        "scoring": ["Score"],
        "sheet": ["prediction_sheet"],
        "exported": ["EXPORTED_SUFFIX", "ExportedNetwork", "describe_version", "export_model"],
    },
)
