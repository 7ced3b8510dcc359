"""What the notebooks share and a student need not read first.

A notebook imports from the doors of the rooms, and from the modules that all rooms share:

``utils.reader``    from an image file to 28 × 28 arrays, probabilities and text
``utils.networks``  the two networks, their training, and the trained ones on disk
``utils.widgets``   what moves: curves, sliders, the drawing pad
``utils.service``   the reader as a web service
``utils.mnist``     loads the images and says where they came from
``utils.plots``     the figures' style and the drawings that several notebooks use
``utils.paths``     where the project's files are

Importing ``utils`` starts nothing heavy, and settles three things for all that comes after it: ``import keras`` takes
TensorFlow, has Keras's own defaults, and prints nothing.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 (here, before anything that an older one cannot even read)
    sys.exit("This is Python {}.{}: the series needs 3.11, 3.12 or 3.13.".format(*sys.version_info))

from utils.quiet import import_quietly

# Read by TensorFlow when it is first imported, so they are set before anything can import it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# It takes this library by itself on some processors only; on the others a training is a third faster with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# The series is written for TensorFlow; a ~/.keras/keras.json that names another backend would break it.
os.environ["KERAS_BACKEND"] = "tensorflow"
import_quietly()
