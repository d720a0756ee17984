"""From a trained network to label images and scores."""

from nbtrainer.inference.ensemble import Ensemble
from nbtrainer.inference.evaluate import evaluate
from nbtrainer.inference.load_model import load_model
from nbtrainer.inference.predictor import Predictor

__all__ = ["Ensemble", "Predictor", "evaluate", "load_model"]
