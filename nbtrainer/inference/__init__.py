"""From a trained network to label images and scores."""

from nbtrainer.inference.evaluate import evaluate
from nbtrainer.inference.predictor import Predictor, load_model

__all__ = ["Predictor", "evaluate", "load_model"]
