"""What happens when the loss is no number or explodes: back to the last good state, without the patches of that step, at
half the learning rate; the third time the run ends."""

from __future__ import annotations

import itertools

import imageio.v3 as imageio
import numpy as np

from nbtrainer.config import Config
from nbtrainer.data.file_names import shortest_names
from nbtrainer.data.overlay import enlarge, grey, limits
from nbtrainer.disk import exists, parse_json, read_text, write_aside, write_json
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.nan_loss import DivergedError
from nbtrainer.runs import RunDirectory, events

# a session goes back this often
MOST_TIMES = 2
_RATE_FACTOR = 0.5
_CELL_PX, _MOST_SHOWN = 192, 8


def read_set_aside(directory: RunDirectory) -> frozenset[int]:
    """The numbers of the patches that are left out, in the place of which others are drawn."""
    return frozenset(parse_json(read_text(directory.set_aside))["patches"] if exists(directory.set_aside) else [])


def set_aside(job: TrainingJob, error: DivergedError) -> events.RolledBack:
    """Leave out the patches of the step that `error` tells of from now on, draw them, and lower the learning rate; the
    event that tells of it. What is written here is read when the job is built again."""
    directory, settings = job.directory, job.config.compile
    numbers = [] if error.step is None else list(job.clock.patch_numbers(error.step))
    write_json(directory.set_aside, {"patches": sorted(read_set_aside(directory) | set(numbers))})
    patches = [job.patches.patch(number) for number in numbers]
    path = _free_path(directory, job.clock.step if error.step is None else error.step + 1)
    if patches:
        _draw(directory, path, [patch.image for patch in patches])
    files = dict.fromkeys(job.patches.images.pairs[patch.location.index].image for patch in patches)
    stored = Config.load(directory.config)
    stored.compile.learning_rate = settings.learning_rate * _RATE_FACTOR
    stored.compile.rates = [rate * _RATE_FACTOR for rate in settings.rates]
    stored.save(directory.config)
    return events.RolledBack(
        step=job.clock.step,
        reason=error.wrong,
        images=shortest_names(list(files)),
        path=path if patches else "",
        learning_rate=stored.compile.learning_rate,
    )


def _free_path(directory: RunDirectory, step: int) -> str:
    """Of a step that goes wrong again, with other patches, the picture of before stays: `-2` follows its name."""
    names = (
        f"previews/set-aside-step-{step}{'' if number == 1 else f'-{number}'}.png" for number in itertools.count(1)
    )
    return next(name for name in names if not exists(directory.path / name))


def _draw(directory: RunDirectory, path: str, images: list[np.ndarray]) -> None:
    """The patches side by side, of volumes the middle slice; what is no number is black."""
    cells = []
    for image in images[:_MOST_SHOWN]:
        plane = np.nan_to_num(image if image.ndim == 3 else image[:, image.shape[1] // 2])
        picture = enlarge(grey(plane, limits(plane)), _CELL_PX)
        cell = np.zeros((_CELL_PX, _CELL_PX, 3), np.uint8)
        cell[: picture.shape[0], : picture.shape[1]] = picture[:_CELL_PX, :_CELL_PX]
        cells.append(cell)
    with write_aside(directory.path / path, is_synced=False) as aside:
        imageio.imwrite(aside, np.concatenate(cells, axis=1))
