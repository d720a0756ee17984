"""Settings that several kinds of segmentation share: one value, whichever of these kinds is chosen."""

from nbtrainer.config.section import Decoding, field
from nbtrainer.config.task.settings import DECODING, TaskSettings

# what is tried for a threshold of probabilities
PROBABILITIES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.9)
# the decoders of PyTorch Connectomics: those that grow objects from seeds, and all
SEEDED_DECODERS = ("binary_watershed", "bc_watershed", "bcd_watershed")
CONTOUR_DECODERS = ("binary_connected", *SEEDED_DECODERS, "mutex_watershed")


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
        decoding=Decoding(PROBABILITIES, (*CONTOUR_DECODERS, "connected", "watershed")),
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
        decoding=Decoding((*PROBABILITIES, 0.95), SEEDED_DECODERS),
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
        decoding=Decoding(),
    )
