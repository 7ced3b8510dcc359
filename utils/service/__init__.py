"""The reader as a web service: ``python -m utils serve``. Nothing in here imports TensorFlow."""
