"""Why a loss is no number: the images of the batch are looked at before the learning rate is blamed."""

from __future__ import annotations

import numpy as np

from nbtrainer.engine.job import TrainingJob
from nbtrainer.errors import DataError, SettingError, UserError

# normalised intensities are about 1; float16 ends at 65,504
_HUGE = 10_000.0


class DivergedError(Exception):
    """The loss or the weights are no longer numbers, or the loss exploded.

    `wrong` says so; `step`: the first whose loss was wrong, None if it is not known; `advice`: the error to end with.
    """

    def __init__(self, job: TrainingJob, wrong: str, step: int | None = None) -> None:
        super().__init__(wrong)
        self.wrong, self.step = wrong, step
        self.advice = diverged(job, wrong, step)


def diverged(job: TrainingJob, wrong: str, step: int | None = None) -> UserError:
    """What to tell of a run whose loss or weights are no longer numbers; `step`: the first whose loss was none.

    The patches of that step are cut again, which gives the same ones. Raises `UserError` if a file was changed meanwhile.
    """
    saved = "; the last checkpoint is from before" if job.directory.last.exists() else ""
    for number in () if step is None else job.clock.patch_numbers(step):
        patch = job.patches.patch(number)
        name = str(job.patches.images.pairs[patch.location.index].image)
        raw = job.patches.images.views(patch.location.index)[0]
        if not np.isfinite(patch.image).all():
            return DataError(
                name,
                f"{wrong}: a patch of this image holds values that are no finite numbers once it is normalized (it is stored "
                f"as {raw.dtype})",
                f"Look for NaN, infinity or absurdly large values in it, and at the Normalization panel{saved}",
            )
        largest = float(np.abs(patch.image).max(initial=0.0))
        if largest > _HUGE:
            return DataError(
                name,
                f"{wrong}: normalized values of this image reach {largest:.3g}, where a network expects about 1",
                f"Choose another normalization.method or range, or mend the outliers in the image{saved}",
            )
    precision = "" if job.config.training.precision == "float32" else ", or set training.precision to float32"
    return SettingError("compile.learning_rate", wrong, f"Lower the learning rate{precision}{saved}")
