"""The learning-rate finder: a few steps with a rate that rises, and the loss that each leads to."""

from __future__ import annotations

import io
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbtrainer.config import Config
from nbtrainer.disk import write_aside
from nbtrainer.engine.build import build
from nbtrainer.engine.global_state import kernel_as_it_was
from nbtrainer.engine.launch import checked
from nbtrainer.errors import SettingError
from nbtrainer.progress import OnProgress
from nbtrainer.runs import RunDirectory

# the loss of a batch jumps: each point of the curve is a mean of about so many
_SMOOTHING_STEPS = 10
# by then the loss explodes, and more steps would only take time
_EXPLODED = 4.0


@dataclass(frozen=True)
class LearningRateCurve:
    """The smoothed loss after each of some steps with a rising rate. `suggested`: where it falls fastest; None if it never
    fell."""

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
    suggested is the rate at which the smoothed loss falls fastest. Raises `UserError` where a run could not be started.
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
    smoothed = 0.0
    with tempfile.TemporaryDirectory(prefix="nbtrainer-") as folder, kernel_as_it_was():
        job = build(config, RunDirectory.create(Path(folder), data_task="", name=""))
        for step in range(steps):
            rate = lowest * (highest / lowest) ** (step / (steps - 1))
            batch = job.batch(step)
            loss = float(job.stepper.step(batch.images, batch.targets, rate)[0])
            smoothed += (loss - smoothed) / min(step + 1, _SMOOTHING_STEPS)
            if not math.isfinite(loss) or (losses and smoothed > _EXPLODED * min(losses)):
                break
            rates.append(rate)
            losses.append(smoothed)
            if report is not None:
                report(step + 1, steps)
    return LearningRateCurve(rates, losses, _steepest(rates, losses=losses))


def _steepest(rates: list[float], *, losses: list[float]) -> float | None:
    """The rate at which the loss falls fastest on its logarithm, before its lowest; None if it does not fall."""
    lowest = int(np.argmin(losses)) if losses else 0
    if lowest < 2:
        return None
    slopes = np.gradient(np.array(losses[: lowest + 1]), np.log(rates[: lowest + 1]))
    return rates[int(np.argmin(slopes))] if slopes.min() < 0 else None
