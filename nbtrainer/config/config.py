"""All settings of a run: made from a preset or a file, edited, checked, saved."""

from __future__ import annotations

import copy
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import PrivateAttr, SerializeAsAny, ValidationError

from nbtrainer.catalog import IMAGENET, LOSSES, TASKS
from nbtrainer.config import messages
from nbtrainer.config.augmentation import Augmentation
from nbtrainer.config.compile import Compile
from nbtrainer.config.data import Data
from nbtrainer.config.migrate import read_older
from nbtrainer.config.model import Model
from nbtrainer.config.normalization import Normalization
from nbtrainer.config.output import Output
from nbtrainer.config.sampling import Sampling
from nbtrainer.config.section import Section, field, metadata_of, percentage
from nbtrainer.config.task import TaskSettings
from nbtrainer.config.training import Training
from nbtrainer.deprecation import stacklevel_outside
from nbtrainer.disk import exists, is_folder, make_folder, parse_json, read_text, write_text
from nbtrainer.errors import SettingError

# a field of one entry of a list of settings
_ENTRY = re.compile(r"(?P<list>\w+)\[(?P<index>\d+)\]\.(?P<field>\w+)")


class Preset(NamedTuple):
    """A ready set of settings: what it is for, and how it differs from the defaults."""

    name: str
    title: str
    description: str
    settings: dict[str, dict[str, Any]]


class Config(Section):
    """All settings of a run, in sections. A section takes a dict; an unknown or wrong value raises `UserError`.

    >>> config = Config.preset("binary_2d")
    >>> config.training.epochs = 20
    >>> config.update(sampling={"patch_size": [128, 128]}, compile={"learning_rate": 0.001})
    >>> config.sampling.patch_size, Config().training.epochs == 20
    ([128, 128], False)
    """

    # of a subclass, by its kind
    task: SerializeAsAny[TaskSettings] = field(title="Task", default_factory=TaskSettings)
    data: Data = field(title="Training datasets", default_factory=Data)
    sampling: Sampling = field(title="Tiling", default_factory=Sampling)
    normalization: Normalization = field(title="Normalization", default_factory=Normalization)
    augmentation: Augmentation = field(title="Data augmentation", default_factory=Augmentation)
    model: Model = field(title="Model", default_factory=Model)
    compile: Compile = field(title="Compile", default_factory=Compile)
    training: Training = field(title="Training parameters", default_factory=Training)
    output: Output = field(title="Output", default_factory=Output)

    _folder: Path | None = PrivateAttr(default=None)

    def __init__(self, **sections: Any) -> None:
        try:
            super().__init__(**sections)
        except ValidationError as error:
            raise SettingError.of(messages.findings(error, Config)) from None

    @classmethod
    def preset(cls, name: str) -> Self:
        """The settings of preset `name`; raises `UserError` with the nearest name if there is none."""
        known = presets()
        if name not in known:
            close = messages.nearest(name, known)
            guess = f"Did you mean {close}? " if close else ""
            remedy = f"{guess}There are {messages.join_or(known)}"
            raise SettingError("preset", f"{name!r} is unknown", remedy, suggestions=(close,) if close else ())
        return cls(**known[name].settings)

    @classmethod
    def of(cls, given: Any) -> Config:
        """`given` as settings: a config, a dict of sections, or the path of a file."""
        if isinstance(given, Config):
            return given
        if isinstance(given, Mapping):
            return cls(**given)
        if isinstance(given, str | os.PathLike):
            return cls.load(given)
        raise SettingError(
            "config", f"{given!r} is no group of settings", "Give a Config, a dict, or the path of a JSON file"
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The settings saved in the JSON file `path`; relative paths in it are relative to its folder.

        What earlier versions saved and this one does not know is translated, with a warning.
        """
        file = Path(path)
        if is_folder(file):
            file = file / "config.json"
        if not exists(file):
            missing = "this folder holds no config.json" if is_folder(Path(path)) else "there is no such file"
            raise SettingError(str(path), missing, "Give the path of a saved config.json")
        text = read_text(file)
        if not text.strip():
            raise SettingError(str(file), "this file is empty", "Save the settings again")
        try:
            values = parse_json(text)
        except json.JSONDecodeError as error:
            raise SettingError(
                str(file),
                f"this is not valid JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}",
                "Mend that line, or save the settings again",
            ) from None
        except ValueError as error:
            raise SettingError(str(file), f"this cannot be read: {error}", "Give a file saved by nbtrainer") from None
        if not isinstance(values, dict):
            raise SettingError(str(file), "this is JSON, but not a group of settings", "Save the settings again")
        for sentence in read_older(values, cls):
            warnings.warn(f"{file.name}: {sentence}", UserWarning, stacklevel=stacklevel_outside())
        config = cls(**values)
        config._folder = file.resolve().parent
        return config

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the settings as JSON to `path` and return it; validates everything first.

        A relative path that leads to something from here but not from the new file's folder is rewritten.
        """
        file = Path(path)
        values = self.validated().model_dump()
        for section, name, entry in _paths(values):
            moved = Path(os.path.abspath(file.parent)) / entry[name]
            if (
                section != "output"
                and entry[name]
                and not os.path.exists(moved)
                and os.path.exists(self.resolve(entry[name]))
            ):
                entry[name] = os.path.relpath(self.resolve(entry[name]), os.path.abspath(file.parent))
        make_folder(file.parent)
        return write_text(file, json.dumps(values, indent=2) + "\n")

    def validated(self) -> Self:
        """A copy in which everything, lists too, was validated again; raises `UserError`."""
        copy = type(self)(**self.model_dump(warnings=False))
        copy._folder = self._folder
        return copy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.model_dump() == other.model_dump()

    def with_absolute_paths(self) -> Self:
        """A copy that means the same wherever it is stored."""
        values = self.model_dump()
        for _, name, entry in _paths(values):
            if entry[name]:
                entry[name] = str(self.resolve(entry[name]))
        return type(self)(**values)

    def resolve(self, path: str) -> Path:
        """`path` from the config's folder if it was loaded from a file, else from the working directory."""
        return Path(os.path.abspath((self._folder or Path.cwd()) / Path(path).expanduser()))

    def take_data_of(self, other: Config, base: Config | None = None) -> None:
        """Take over what is trained on, how it is read, where results go, and what belongs to the user or the machine.

        `base` is what `other` was made from, the defaults if it is not given: what differs from it was set by the user
        and stays; what is as in `base` goes with it, so that one preset leaves nothing behind in the next.
        """
        base = base or Config()
        self.data.datasets = copy.deepcopy(other.data.datasets)
        for path in _own_settings():
            section, _, name = path.partition(".")
            value = getattr(getattr(other, section), name)
            if value != getattr(getattr(base, section), name):
                setattr(getattr(self, section), name, copy.deepcopy(value))
        self._folder = other._folder

    def value_in_use(self, path: str) -> Any:
        """The value of the setting `section.field`; of the loss, that of the kind of segmentation where it is `auto` or of another kind."""
        section, _, name = path.partition(".")
        value = getattr(getattr(self, section), name)
        if path == "compile.loss" and (value == "auto" or not LOSSES[value].suits(self.task.kind)):
            return TASKS[self.task.kind].default_loss
        return value

    def set(self, path: str, value: Any) -> None:
        """Set `section.field`, or a field of one entry of a list: `data.datasets[0].images`."""
        section, _, name = path.partition(".")
        entry = _ENTRY.fullmatch(name)
        if entry is not None and section in Config.model_fields:
            self._set_in_entry(
                path,
                getattr(self, section),
                entry["list"],
                index=int(entry["index"]),
                field=entry["field"],
                value=value,
            )
            return
        if section not in Config.model_fields or not name:
            close = messages.nearest(section, Config.model_fields)
            guess = f"Did you mean {close}.{name}? " if close and name else ""
            remedy = f"{guess}Sections are {messages.join_or(Config.model_fields)}"
            suggestions = (f"{close}.{name}",) if guess else ()
            raise SettingError(path, "this setting is unknown", remedy, suggestions=suggestions)
        group = getattr(self, section)
        declarations = type(group).declarations()
        declared = next(
            (each.info for each in declarations if name in (each.name, *metadata_of(each.info).old_names)), None
        )
        if declared is None:
            names = [each.name for each in declarations]
            close = messages.nearest(name, names)
            raise SettingError(
                path,
                "this setting is unknown",
                f"Did you mean {section}.{close}?" if close else f"Known are {messages.join_or(names)}",
                suggestions=(f"{section}.{close}",) if close else (),
            )
        setattr(group, name, percentage(value, metadata_of(declared).unit) if declared.annotation is float else value)

    def _set_in_entry(self, path: str, group: Section, name: str, *, index: int, field: str, value: Any) -> None:
        entries = list(getattr(group, name, None) or [])
        if name not in type(group).model_fields or not all(isinstance(entry, Section) for entry in entries):
            raise SettingError(
                path, "this setting is unknown", f"Known are {messages.join_or(type(group).model_fields)}"
            )
        if index >= len(entries):
            raise SettingError(
                path, f"there is no entry {index}: the list has {len(entries)}, counted from 0", "Add it"
            )
        known = type(entries[index]).model_fields
        field = type(entries[index]).renamed().get(field, field)
        if field not in known:
            close = messages.nearest(field, known)
            remedy = f"Did you mean {close}?" if close else f"Known are {messages.join_or(known)}"
            suggestions = (f"{path.rpartition('.')[0]}.{close}",) if close else ()
            raise SettingError(path, "this setting is unknown", remedy, suggestions=suggestions)
        values = [entry.model_dump() for entry in entries]
        values[index][field] = value
        setattr(group, name, values)

    def update(self, **sections: Mapping[str, Any]) -> None:
        """Set several fields: `update(training={"epochs": 9})`."""
        for section, values in sections.items():
            if not isinstance(values, Mapping):
                raise SettingError(section, f"{values!r} is not a group of settings", 'Give {"field": value}')
            # the kind of segmentation first: it decides which settings the others are
            for name in sorted(values, key=lambda name: name != "kind"):
                self.set(f"{section}.{name}", values[name])

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "_folder" and name not in Config.model_fields:
            close = messages.nearest(name, Config.model_fields)
            remedy, suggestions = (f"Did you mean {close}?", (close,)) if close else ("", ())
            raise SettingError(name, "this section is unknown", remedy, suggestions=suggestions)
        super().__setattr__(name, value)


def presets() -> dict[str, Preset]:
    """The presets that come with the package, by name."""
    folder = resources.files("nbtrainer.config") / "presets"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    by_name = {}
    for file in files:
        name = file.name.removesuffix(".json")
        by_name[name] = Preset(name=name, **json.loads(file.read_text(encoding="utf-8")))
    return by_name


def _own_settings() -> Iterator[str]:
    """Settings that say nothing of the way of training, which is all that a preset is about."""
    for section in ("data", "output"):
        yield from (f"{section}.{name}" for name in Config.model_fields[section].annotation.model_fields)  # type: ignore[union-attr]
    yield from ("task.class_names", "task.class_colours")
    yield from (f"training.{name}" for name in ("max_minutes", "seed", "device", "threads", "workers"))


def _paths(values: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every path setting in dumped settings: its section, its name, and the dict that holds it."""
    for entry in values["data"]["datasets"]:
        yield "data", "images", entry
        yield "data", "labels", entry
        yield "data", "region_files", entry
    yield "model", "pretrained", values["model"]
    if values["model"]["backbone_weights"] != IMAGENET:
        yield "model", "backbone_weights", values["model"]
    yield "output", "root", values["output"]
