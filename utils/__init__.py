"""What the notebooks share and a student need not read first.

``mnist``     loads the images and says where they came from
``images``    file → grey image, and all the steps to 28 × 28 arrays in one (no TensorFlow)
``ink``, ``segmentation``, ``normalise``  these steps: grey → ink → digits → 28 × 28
``models``    the two networks, and the trained ones on disk
``training``  the recipe of notebook 04, for the command line
``augment``, ``pen``, ``calibration``  what the network that reads drawings is trained with on top
``reading``   arrays → probabilities → text
``scoring``   how well a labelled folder is read
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
