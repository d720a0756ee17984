"""The data of a run that is continued lie elsewhere now: told with the command that names the new place."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbtrainer.config import Config
from nbtrainer.config.dataset import Dataset
from nbtrainer.data.listing import list_files
from nbtrainer.errors import Finding, UserError

_SOURCES = ("images", "labels", "region_files")


def tell_new_place(run: Path, config: Config, findings: Iterable[Finding]) -> list[Finding]:
    """`findings` about the settings of `run`, those about files that are gone with the command that names the new place."""
    gone = {setting: path for setting, path in _sources(config) if _is_gone(path)}
    if not gone:
        return list(findings)
    new = {setting: f"NEW/{path.name}" for setting, path in gone.items()}
    command = shlex.join(["nbtrainer", "resume", str(run), *(f"{setting}={place}" for setting, place in new.items())])
    values = {setting.removeprefix("data."): place for setting, place in new.items()}
    remedy = (
        f"If the data moved, say where they are now: {command} (in Python: nbt.resume({str(run)!r}, data={values}))"
    )
    relocated = []
    for finding in findings:
        is_about = any(finding.where.startswith(setting.rpartition(".")[0]) for setting in gone)
        relocated.append(replace(finding, remedy=remedy, fix="") if is_about else finding)
    return relocated


def from_here(overrides: Mapping[str, Mapping[str, Any]], config: Config) -> dict[str, dict[str, Any]]:
    """`overrides` with paths that lead somewhere from the working directory, and not from the run's folder, absolute."""
    sections = {
        section: dict(values) if isinstance(values, Mapping) else values for section, values in overrides.items()
    }
    data: Any = sections.get("data")
    for name, value in data.items() if isinstance(data, dict) else ():
        if name == "datasets" and isinstance(value, list | tuple):
            data[name] = [_dataset_from_here(entry, config) for entry in value]
        elif re.fullmatch(r"datasets\[\d+\]", name):
            data[name] = _dataset_from_here(value, config)
        elif (named := re.fullmatch(r"datasets\[\d+\]\.(\w+)", name)) and named[1] in _SOURCES:
            data[name] = _path_from_here(value, config)
    return sections


def _dataset_from_here(dataset: Any, config: Config) -> Any:
    if isinstance(dataset, Dataset):
        dataset = dataset.model_dump()
    if not isinstance(dataset, Mapping):
        return dataset
    return {name: _path_from_here(value, config) if name in _SOURCES else value for name, value in dataset.items()}


def _path_from_here(value: Any, config: Config) -> Any:
    if not isinstance(value, str | os.PathLike) or not str(value).strip():
        return value
    here = Path(os.path.abspath(Path(value).expanduser()))
    return str(here) if not _is_gone(here) and _is_gone(config.resolve(str(value))) else value


def _sources(config: Config) -> Iterator[tuple[str, Path]]:
    for index, dataset in enumerate(config.data.datasets):
        for name in _SOURCES:
            text = getattr(dataset, name)
            if text.strip():
                yield f"data.datasets[{index}].{name}", config.resolve(text)


def _is_gone(path: Path) -> bool:
    """Whether nothing can be listed there; a folder that is there, but empty, is where a drive was."""
    try:
        list_files(path, "", look_one_level_down=True, outlines=True)
    except UserError:
        return not path.is_dir() or not any(path.iterdir())
    return False
