"""One run: from settings to a trained network."""

# before torch is imported below: afterwards its threads no longer listen
from nbtrainer.environment import prepare_process

prepare_process()

from nbtrainer.engine.compare_networks import compare_networks  # noqa: E402
from nbtrainer.engine.cross_validate import cross_validate  # noqa: E402
from nbtrainer.engine.find_learning_rate import find_learning_rate  # noqa: E402
from nbtrainer.engine.launch import augmented_examples, patch_locations, patches, resume, start, train  # noqa: E402
from nbtrainer.engine.save_thresholds import set_thresholds  # noqa: E402

__all__ = [
    "augmented_examples",
    "compare_networks",
    "cross_validate",
    "find_learning_rate",
    "patch_locations",
    "patches",
    "resume",
    "set_thresholds",
    "start",
    "train",
]
