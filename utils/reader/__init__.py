"""From an image to text, without TensorFlow."""
