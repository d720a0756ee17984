"""Settings that several kinds of segmentation share: one value, whichever of these kinds is chosen."""

from nbtrainer.config.section import field
from nbtrainer.config.task.settings import DECODING, TaskSettings


class ForegroundSettings(TaskSettings):
    """What is foreground."""

    threshold: float = field(
        0.5,
        title="Foreground above",
        help="Probability above which a pixel counts as foreground. Lower it to find more, raise it to claim less.",
        gt=0,
        lt=1,
        advanced=True,
        group=DECODING,
    )


class TunedSettings(TaskSettings):
    """Thresholds that are chosen on the validation images."""

    tune_thresholds: bool = field(
        True,
        title="Tune thresholds",
        help="At the end, choose the thresholds that find most objects on the validation images, and keep them in the model.",
        group=DECODING,
    )

    @property
    def tunes_thresholds(self) -> bool:
        return self.tune_thresholds


class SeededSettings(TaskSettings):
    """Where an object begins."""

    seed_threshold: float = field(
        0.5,
        title="Seeds above",
        help="Probability above which a pixel may be the seed of an object. Higher parts more objects and misses faint ones.",
        gt=0,
        lt=1,
        advanced=True,
        group=DECODING,
    )


class ObjectSettings(TaskSettings):
    """What is large enough to be an object."""

    min_object_size: int = field(
        16,
        title="Smallest object",
        old_names=("smallest_object",),
        help="Smaller ones are dropped from predictions; 0 keeps all.",
        unit="px",
        ge=0,
        group=DECODING,
    )
