"""One run: from settings to a trained network."""

# before torch is imported below: afterwards its threads no longer listen
from nbtrainer.environment import prepare_process

prepare_process()

from nbtrainer.engine.launch import patches, places, resume, start, train, variants  # noqa: E402
from nbtrainer.engine.save_thresholds import adjust  # noqa: E402

__all__ = ["adjust", "patches", "places", "resume", "start", "train", "variants"]
