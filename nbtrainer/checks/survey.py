"""What the data is: every pair with what is known of its files, and which pairs train or validate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrainer.config import Config
from nbtrainer.data.pair import Pair, list_files, pair_files
from nbtrainer.data.read import channels_first, image_facts, label_facts
from nbtrainer.data.split import Split, split_pairs
from nbtrainer.errors import Finding, UserError


@dataclass
class Survey:
    """The pairs of a config; `problems` are datasets that could not be listed or paired."""

    pairs: list[Pair]
    split: Split
    problems: list[Finding] = field(default_factory=list)

    def label_values(self, pairs: Iterable[Pair], dim: int) -> list[int]:
        """Every value in the labels of `pairs`, sorted."""
        return sorted({value for pair in pairs for value in label_facts(pair.label, dim).values})


def survey(config: Config) -> Survey:
    """List and pair the files of every dataset and split them; opens no image."""
    pairs: list[Pair] = []
    problems: list[Finding] = []
    for index, dataset in enumerate(config.data.datasets):
        where = f"data.datasets[{index}]"
        try:
            found = [_listed(config, where, name, getattr(dataset, name), problems) for name in ("images", "labels")]
            if found[0] and found[1]:
                pairs += pair_files(found[0], found[1], where, dataset.use, index)
        except UserError as error:
            problems += error.findings
    return Survey(pairs, split_pairs(pairs, config.data.validation_fraction, config.training.seed), problems)


def _listed(config: Config, where: str, name: str, text: str, problems: list[Finding]) -> list[Path]:
    """The files of one source; what is wrong with it goes to `problems`."""
    try:
        if not text.strip():
            raise UserError(f"{where}.{name}", f"no {name} are chosen", "Choose a folder")
        return list_files(config.resolve(text), f"{where}.{name}")
    except UserError as error:
        problems += error.findings
        return []


def spatial_shape(shape: tuple[int, ...], dim: int, channel_axis: int | None) -> tuple[int, tuple[int, ...]]:
    """Channels and spatial shape of an image stored as `shape`; raises `ValueError` with a sentence."""
    import numpy as np

    # a view of one number has the shape without the memory
    first = channels_first(np.broadcast_to(np.uint8(0), shape), dim, channel_axis)
    return first.shape[0], first.shape[1:]


def pair_table(config: Config) -> list[dict[str, Any]]:
    """Every image with its label, one dict a pair. Raises `UserError` if a dataset cannot be listed or paired."""
    config = Config.of(config).validated()
    found = survey(config)
    if found.problems:
        raise UserError.of(found.problems)
    uses = {id(pair): use for use, pairs in found.split._asdict().items() for pair in pairs}
    table = []
    for pair in found.pairs:
        image, label = image_facts(pair.image), label_facts(pair.label, config.task.dim)
        table.append(
            {
                "image": str(pair.image),
                "label": str(pair.label),
                "dataset": pair.dataset,
                "split": uses[id(pair)],
                "shape": image.shape,
                "dtype": image.dtype,
                "label_shape": label.shape,
                "label_dtype": label.dtype,
                "label_values": len(label.values),
                "spacing": None,
                "problem": image.problem or label.problem,
            }
        )
    return table
