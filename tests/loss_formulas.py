"""The formulas of losses written out in numpy, from the documents of the tools and the papers, with the default parameters."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import distance_transform_edt, label, maximum_filter, minimum_filter

S = 1e-5


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def softmax(z: np.ndarray) -> np.ndarray:
    shares = np.exp(z - z.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def _space(array: np.ndarray) -> tuple[int, ...]:
    return (0, *range(2, array.ndim))


def dice(p: np.ndarray, y: np.ndarray, s: float = S) -> float:
    return float((1 - (2 * (p * y).sum(_space(p)) + s) / ((p + y).sum(_space(p)) + s)).mean())


def jaccard(p: np.ndarray, y: np.ndarray, s: float = S) -> float:
    both = (p * y).sum(_space(p))
    return float((1 - (both + s) / ((p + y).sum(_space(p)) - both + s)).mean())


def binary_focal(p: np.ndarray, y: np.ndarray, gamma: float = 2.0, alpha: float = 0.25) -> float:
    hit, miss = -y * alpha * (1 - p) ** gamma * np.log(p), -(1 - y) * (1 - alpha) * p**gamma * np.log(1 - p)
    return float((hit + miss).mean())


def categorical_focal(p: np.ndarray, y: np.ndarray, gamma: float = 2.0, alpha: float = 0.25) -> float:
    return float((-y * alpha * (1 - p) ** gamma * np.log(p)).mean())


def huber(p: np.ndarray, y: np.ndarray, delta: float = 1.0) -> float:
    d = np.abs(p - y)
    return float(np.where(d <= delta, d**2 / 2, delta * (d - delta / 2)).mean())


def percentage(p: np.ndarray, y: np.ndarray) -> float:
    return float(100 * (np.abs(p - y) / np.maximum(y, 1e-7)).mean())


def cosine(p: np.ndarray, y: np.ndarray, s: float = S) -> float:
    axes = _space(p)
    lengths = np.sqrt(((p**2).sum(axes) + s) * ((y**2).sum(axes) + s))
    return float((1 - ((p * y).sum(axes) + s) / lengths).mean())


def soft_skeleton(image: np.ndarray, iterations: int = 3) -> np.ndarray:
    """Of ([Z,] Y, X), by Algorithm 1 of Shit et al. 2021; what lies beyond the edges is not looked at."""
    cross = np.zeros((3,) * image.ndim, bool)
    for axis in range(image.ndim):
        cross[tuple(slice(None) if each == axis else 1 for each in range(image.ndim))] = True

    def erode(values: np.ndarray) -> np.ndarray:
        return minimum_filter(values, footprint=cross, mode="constant", cval=np.inf)

    def open_(values: np.ndarray) -> np.ndarray:
        return maximum_filter(erode(values), size=3, mode="constant", cval=-np.inf)

    skeleton = np.maximum(image - open_(image), 0)
    for _ in range(iterations):
        image = erode(image)
        delta = np.maximum(image - open_(image), 0)
        skeleton = skeleton + np.maximum(delta - skeleton * delta, 0)
    return skeleton


def _each(function: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> np.ndarray:
    return np.stack([np.stack([function(channel) for channel in patch]) for patch in array])


def cl_dice(p: np.ndarray, y: np.ndarray, s: float = S, iterations: int = 3) -> float:
    line_p, line_y = (_each(lambda mask: soft_skeleton(mask, iterations), array) for array in (p, y))
    precision = ((line_p * y).sum(_space(p)) + s) / (line_p.sum(_space(p)) + s)
    recall = ((line_y * p).sum(_space(p)) + s) / (line_y.sum(_space(p)) + s)
    return float((1 - 2 * precision * recall / (precision + recall)).mean())


def _phi(mask: np.ndarray) -> np.ndarray:
    mask = mask > 0.5
    if not mask.any() or mask.all():
        return np.zeros(mask.shape)
    # Kervadec's one_hot2dist
    return distance_transform_edt(~mask) * ~mask - (distance_transform_edt(mask) - 1) * mask


def boundary(p: np.ndarray, y: np.ndarray) -> float:
    return float(((p - y) * _each(_phi, y)).mean())


def _field(mask: np.ndarray) -> np.ndarray:
    mask = mask > 0.5
    if not mask.any() or mask.all():
        return np.zeros(mask.shape)
    return distance_transform_edt(mask) + distance_transform_edt(~mask)


def hausdorff(p: np.ndarray, y: np.ndarray, exponent: float = 2.0) -> float:
    return float(((p - y) ** 2 * (_each(_field, p) ** exponent + _each(_field, y) ** exponent)).mean())


def gaps(mask: np.ndarray, sigma: float = 5.0) -> np.ndarray:
    objects, count = label(mask > 0.5, np.ones((3,) * mask.ndim))
    if count < 2:
        return np.zeros(mask.shape)
    near = np.sort([distance_transform_edt(objects != number) for number in range(1, count + 1)], axis=0)
    return np.where(mask > 0.5, 0, np.exp(-((near[0] + near[1]) ** 2) / (2 * sigma**2)))


def border_crossentropy(p: np.ndarray, y: np.ndarray, weight: float = 10.0, sigma: float = 5.0) -> float:
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    return float(((1 + weight * _each(lambda mask: gaps(mask, sigma), y)) * entropy).mean())


def _entropy(p: np.ndarray, y: np.ndarray) -> float:
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def of_channels(z: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Losses of separate channels, of logits and truth (B, C, [Z,] Y, X), the truth 0 or 1."""
    p = sigmoid(z)
    missing = np.maximum(0, 1 - (2 * y - 1) * z)
    return of_both(p, y) | {
        "binary_focal": binary_focal(p, y),
        "binary_focal_dice": binary_focal(p, y) + dice(p, y),
        "binary_focal_jaccard": binary_focal(p, y) + jaccard(p, y),
        "kullback_leibler_divergence": _entropy(p, y),  # what is 0 or 1 has no entropy of its own
        "cosine": cosine(p, y),
        "hinge": float(missing.mean()),
        "squared_hinge": float((missing**2).mean()),
        "cl_dice": cl_dice(p, y),
        "boundary": boundary(p, y),
        "hausdorff": hausdorff(p, y),
        "border_crossentropy": border_crossentropy(p, y),
    }


def of_classes(z: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Losses of classes, of logits and shares of the truth (B, C, [Z,] Y, X)."""
    p = softmax(z)
    true, best_other = (z * y).sum(1), np.where(y > 0, -np.inf, z).max(1)
    return of_both(p, y) | {
        "categorical_focal": categorical_focal(p, y),
        "categorical_focal_dice": categorical_focal(p, y) + dice(p, y),
        "categorical_focal_jaccard": categorical_focal(p, y) + jaccard(p, y),
        "kullback_leibler_divergence": float(-np.log((p * y).sum(1)).mean()),
        "cosine": float((1 - (p * y).sum(1) / np.linalg.norm(p, axis=1)).mean()),
        "categorical_hinge": float(np.maximum(0, 1 + best_other - true).mean()),
        "cl_dice": cl_dice(p[:, 1:], y[:, 1:]),
        "boundary": boundary(p[:, 1:], y[:, 1:]),
        "hausdorff": hausdorff(p[:, 1:], y[:, 1:]),
    }


def of_both(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Losses that only look at probabilities and truth."""
    return {
        "mean_squared_error": float(((p - y) ** 2).mean()),
        "mean_absolute_error": float(np.abs(p - y).mean()),
        "huber": huber(p, y),
        "log_cosh": float(np.log(np.cosh(p - y)).mean()),
        "mean_squared_logarithmic_error": float(((np.log1p(p) - np.log1p(y)) ** 2).mean()),
        "mean_absolute_percentage_error": percentage(p, y),
        "poisson": float((p - y * np.log(p)).mean()),
        "binary_regularizer": float((1 / np.maximum(np.abs(p - 0.5), 0.01)).mean()),
    }
