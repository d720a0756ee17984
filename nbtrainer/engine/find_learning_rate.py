"""The learning-rate finder: a few steps with a rate that rises, and the loss that each leads to."""

from __future__ import annotations

import io
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import median_filter

from nbtrainer.config import Config
from nbtrainer.disk import write_aside
from nbtrainer.engine.build import build
from nbtrainer.engine.global_state import kernel_as_it_was
from nbtrainer.engine.launch import checked
from nbtrainer.errors import SettingError
from nbtrainer.progress import OnProgress
from nbtrainer.runs import RunDirectory

# the exponential average that tells of an explosion
_SMOOTHING_STEPS = 10
# by then the loss explodes, and more steps would only take time
_EXPLODED = 4.0
# The curve is a line fitted around each point, with Gaussian weights, to medians of so many losses. On four nuclei images, with
# five seeds, the suggestions lie within a factor of 2.3; by the steepest slope of an exponential average, of 60,000
_MEDIAN_OF, _WIDTH_DECADES, _LEAST_WIDTH_STEPS = 5, 0.4, 2
# what the first and the last steps lead to is left out: there is least to average
_LEFT_OUT = 0.1
# noise alone seems to fall by so many times the distance of single losses from the curve, in one of a hundred curves; by less
# with the root of how many steps the curve averages
_FALL_OF_NOISE = 4.0


@dataclass(frozen=True)
class LearningRateCurve:
    """The smoothed loss after each of some steps with a rising rate. `suggested`: where it is half-way down to its lowest;
    None if it
    did not fall by more than the losses of single batches vary."""

    rates: list[float]
    losses: list[float]
    suggested: float | None

    def _repr_png_(self) -> bytes:
        """The curve as a picture, as notebooks show it."""
        from matplotlib.figure import Figure  # half a second

        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axis = figure.subplots()
        axis.plot(self.rates, self.losses, color="#0072B2")
        if self.suggested is not None:
            axis.axvline(self.suggested, linestyle="--", color="#D55E00", label=f"suggested {self.suggested:.1g}")
            axis.legend(frameon=False)
        axis.set_xscale("log")
        axis.set_xlabel("learning rate")
        axis.set_ylabel("loss")
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=100)
        return picture.getvalue()

    def save(self, path: Path) -> Path:
        """Write the picture to `path`, and return it. Raises `UserError` if the disk refuses it."""
        with write_aside(path) as aside:
            aside.write_bytes(self._repr_png_())
        return path


def find_learning_rate(
    config: Config, *, steps: int, lowest: float, highest: float, report: OnProgress | None = None
) -> LearningRateCurve:
    """Train `steps` steps from scratch, or from `model.pretrained`, while the rate rises from `lowest` to `highest`.

    Nothing of it is kept. It ends before if the loss explodes. As Smith 2015 (https://arxiv.org/abs/1506.01186) proposed it;
    suggested is the rate at which the smoothed loss is half-way down to its lowest. Raises `UserError` where a run could not
    be started.
    """
    if not 0 < lowest < highest:
        raise SettingError("lowest", f"{lowest:g} to {highest:g} is no range", "Give the smaller rate first, above 0")
    if steps < 2 * _SMOOTHING_STEPS:
        raise SettingError("steps", f"{steps} steps give no curve", f"Give {2 * _SMOOTHING_STEPS} or more")
    config = checked(config)
    config.update(training={"epochs": steps, "iterations": steps, "torch_compile": "off"}, compile={"ema_decay": 0.0})
    config.model.take_over = "weights"
    rates: list[float] = []
    losses: list[float] = []
    average = least = math.inf
    with tempfile.TemporaryDirectory(prefix="nbtrainer-") as folder, kernel_as_it_was():
        job = build(config, RunDirectory.create(Path(folder), data_task="", name=""))
        for step in range(steps):
            rate = lowest * (highest / lowest) ** (step / (steps - 1))
            batch = job.batch(step)
            loss = float(job.stepper.step(batch.images, batch.targets, rate)[0])
            average = loss if step == 0 else average + (loss - average) / min(step + 1, _SMOOTHING_STEPS)
            if not math.isfinite(loss) or average > _EXPLODED * least:
                break
            least = min(least, average)
            rates.append(rate)
            losses.append(loss)
            if report is not None:
                report(step + 1, steps)
    return curve_of(rates, losses=losses)


def curve_of(rates: list[float], *, losses: list[float]) -> LearningRateCurve:
    """The curve through the `losses` of single batches at `rates`, which rise by the same factor from one to the next."""
    if len(rates) < _SMOOTHING_STEPS:  # it exploded at once
        return LearningRateCurve(rates, losses, None)
    raw = np.array(losses)
    width = max(_WIDTH_DECADES / math.log10(rates[1] / rates[0]), _LEAST_WIDTH_STEPS)
    smooth = _smooth(raw, width_steps=width)
    margin = int(_LEFT_OUT * len(rates))
    lowest = margin + int(np.argmin(smooth[margin : len(rates) - margin]))
    before = smooth[margin : lowest + 1]
    start = float(np.median(before[: len(before) // 2 + 1]))
    fall = start - float(smooth[lowest])
    # a spike is none of the usual distances
    distance = float(np.median(np.abs(raw - smooth)))
    if fall <= _FALL_OF_NOISE / math.sqrt(width) * distance:
        return LearningRateCurve(rates, smooth.tolist(), None)
    above = margin + int(np.flatnonzero(before >= start - fall / 2)[-1])
    half_way = np.interp(fall / 2, start - smooth[above : above + 2], np.log(rates[above : above + 2]))
    return LearningRateCurve(rates, smooth.tolist(), math.exp(half_way))


def _smooth(losses: np.ndarray, *, width_steps: float) -> np.ndarray:
    """At each step the line that fits the medians of `losses` (N,) around it; without the lag of an exponential average."""
    medians = median_filter(losses, size=_MEDIAN_OF, mode="nearest")
    steps = np.arange(len(losses), dtype=float)
    offsets = steps - steps[:, np.newaxis]
    weights = np.exp(-0.5 * (offsets / width_steps) ** 2)
    w, wx, wxx = (np.sum(weights * offsets**power, axis=1) for power in range(3))
    wy, wxy = weights @ medians, (weights * offsets) @ medians
    return np.asarray((wxx * wy - wx * wxy) / (w * wxx - wx**2))
