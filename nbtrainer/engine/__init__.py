"""One run: from settings to a trained network."""

from nbtrainer.engine.launch import patches, resume, start, train

__all__ = ["patches", "resume", "start", "train"]
