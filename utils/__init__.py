"""What the notebooks share and a student need not read first.

``mnist``     loads the images and says where they came from
``images``    file → grey image → digits found → 28 × 28 arrays (no TensorFlow)
``models``    the two networks, and the trained ones on disk
``training``  the recipe of notebook 04, for the command line
``reading``   arrays → probabilities → text
``plots``     the figures' style and the drawings that several notebooks use
``live``      curves that move while a network trains
``check``     is everything here that the series needs?

Importing ``utils`` starts nothing heavy: each module imports what it needs.
"""

import os

# Read by TensorFlow when it is first imported, so they are set before anything can import it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The series is written for TensorFlow; a ~/.keras/keras.json that names another backend would break it.
os.environ["KERAS_BACKEND"] = "tensorflow"
