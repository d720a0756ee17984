"""`python -m benchmarks tpu`: the demo trained through torch_xla and by torch alone, with the same seed.

Without a TPU, PJRT_DEVICE=CPU lets torch_xla compute on the processor: the programs, their number and the arithmetic of a
TPU's run, not its speed and not its rounding. `.ci/tpu` makes the environment. Ends with status 1 where a limit is passed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import nbtrainer as nbt
from nbtrainer.runs import Run, events

_EPOCHS, _STEPS = 6, 10
# of the loss after each epoch, as a share of it: rounding grows from step to step
_LOSS_TOLERANCE = 0.005
# of the probability of any pixel, of one model on both devices
_PROBABILITY_TOLERANCE = 1e-4
# epochs after which nothing new may have to be translated
_SETTLED_AFTER = 2


def main() -> int:
    """Print what was measured; 1 if something differs by more than it may."""
    with tempfile.TemporaryDirectory() as folder:
        return _compare(Path(folder))


def _compare(folder: Path) -> int:
    translated = _Programs()
    tpu = _train(folder, "tpu", translated)  # first: torch learns of a TPU before its first gradient or never
    plain = _train(folder, "cpu")
    print(f"seconds a step: {_seconds(plain):.3f} cpu, {_seconds(tpu):.3f} torch_xla")
    print(f"programs translated after each epoch: {translated.counts}, {translated.seconds:.1f} s in all")
    print("loss after each epoch, cpu and torch_xla:")
    for one, other in _both(plain, tpu):
        print(f"  {one['epoch']:>2} {one['train_loss']:.6f} {other['train_loss']:.6f}", end="")
        print(f"   validation Dice {one['validation_dice']:.4f} {other['validation_dice']:.4f}")
    checks = [
        _is_at_most(
            max(_gap(one["train_loss"], other["train_loss"]) for one, other in _both(plain, tpu)),
            _LOSS_TOLERANCE,
            "largest difference of a loss, as a share",
        ),
        _is_at_most(
            _probability_difference(tpu), _PROBABILITY_TOLERANCE, "largest difference of a probability of one model"
        ),
        _is_at_most(
            translated.counts[-1] - translated.counts[_SETTLED_AFTER - 1],
            0,
            f"programs translated after epoch {_SETTLED_AFTER}",
        ),
        _is_at_most(_resume(tpu, "cpu"), _LOSS_TOLERANCE, "the same, a checkpoint of the TPU resumed on both"),
        _is_at_most(_resume(plain, "tpu"), _LOSS_TOLERANCE, "the same, a checkpoint of the cpu resumed on both"),
    ]
    return 0 if all(checks) else 1


def _is_at_most(value: float, limit: float, what: str) -> bool:
    is_so = value <= limit
    print(f"{'ok    ' if is_so else 'FAILED'} {what}: {value:.2g} (limit {limit:g})", flush=True)
    return is_so


def _config(folder: Path, device: str) -> nbt.Config:
    """The demo's settings, without what is measured and what follows the clock."""
    samples = nbt.samples.path("nuclei2d")
    config = nbt.Config.preset("binary_2d")
    config.update(
        data={"datasets": [{"images": samples / "images", "labels": samples / "labels"}], "validation_fraction": 0.25},
        sampling={"patch_size": [128, 128]},
        compile={"schedule": "constant", "learning_rate": 0.001},
        training={
            "epochs": _EPOCHS,
            "steps_per_epoch": _STEPS,
            "batch_size": 4,
            "device": device,
            "precision": "float32",
            "memory_format": "contiguous",
            "torch_compile": "off",
        },
        output={"root": str(folder), "data_task": "tpu", "name": device},
    )
    return config


def _train(folder: Path, device: str, programs: _Programs | None = None) -> Run:
    run = nbt.start(_config(folder, device))
    while not run.wait(timeout=0.1):
        if programs is not None and len(run.history) > len(programs.counts):
            programs.count()
    return _sound(run)


def _sound(run: Run) -> Run:
    if run.status != "finished":
        raise SystemExit(f"{run.directory}: {run.status}, {run.error}\n{run.events[-1]}")
    return run


def _resume(run: Run, device: str) -> float:
    """Go on for two epochs on `run`'s own device and on `device`; by what share the losses differ at most."""
    rows = []
    for place in (str(nbt.Config.load(run.directory).training.device), device):
        more = nbt.resume(run.last, training={"epochs": _EPOCHS + 2, "device": place}, output={"name": ""})
        more.wait()
        planned = next(event for event in _sound(more).events if isinstance(event, events.Planned))
        if planned.device.startswith("xla") != (place in ("tpu", "xla")):
            raise SystemExit(f"{place} was asked for, and the run went on on {planned.device}")
        rows.append([row["train_loss"] for row in more.history][-2:])
    return max(_gap(one, other) for one, other in zip(*rows, strict=True))


def _probability_difference(run: Run) -> float:
    """The largest, over the pixels of an image of the size of a tile, of the model of `run` on both devices."""
    image = next(iter(nbt.patches(nbt.Config.load(run.directory), count=1)))[0][0]
    answers = [nbt.load_model(run.best, device=device).predict_raw(image) for device in ("cpu", "tpu")]
    one, other = (1 / (1 + np.exp(-answer.astype(float))) for answer in answers)
    return float(np.abs(one - other).max())


class _Programs:
    """How many programs torch_xla has translated, counted now and then."""

    def __init__(self) -> None:
        from torch_xla.debug import metrics

        self._metrics = metrics
        self._before = self._total
        self.counts: list[int] = []

    def count(self) -> None:
        self.counts.append(self._total - self._before)

    @property
    def seconds(self) -> float:
        """Spent on translating, in all."""
        data = self._metrics.metric_data("CompileTime")
        return 0.0 if data is None else data[1] / 1e9

    @property
    def _total(self) -> int:
        data = self._metrics.metric_data("CompileTime")
        return 0 if data is None else int(data[0])


def _both(one: Run, other: Run) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return zip(one.history, other.history, strict=True)


def _gap(one: float, other: float) -> float:
    return abs(one - other) / abs(one)


def _seconds(run: Run) -> float:
    """Of a step, the median of the second half of the run."""
    groups = [event.seconds_per_step for event in run.events if isinstance(event, events.StepsDone)]
    return float(np.median(groups[len(groups) // 2 :]))
