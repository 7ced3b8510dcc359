"""Making probabilities mean what they say: of digits read at 90%, nine in ten should be right.

Temperature scaling: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

import keras
import numpy as np


def find_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Find the number by which a network's logits should be divided.

    Parameters
    ----------
    probabilities : (n, 10) array
        What the network gives, of images that it was not trained on.
    labels : (n,) array
        Their digits.

    Returns
    -------
    float
        Between 0.2 and 5, where the mean cross-entropy is lowest. Above 1, the network was too sure of itself.
    """
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-30, 1))
    temperatures = np.geomspace(0.2, 5, 200)
    losses = []
    for temperature in temperatures:
        scaled = logits / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        losses.append(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]))
    return float(temperatures[np.argmin(losses)])


def soften(model: keras.Model, temperature: float) -> None:
    """Divide a network's logits by a temperature, once and for all.

    Parameters
    ----------
    model
        A network that ends in a dense layer with softmax; its weights are changed in place. What it reads stays the
        same, only how sure it is changes.
    temperature
        Above 0.
    """
    last = model.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
