"""Settings files of earlier versions, read as what they meant there."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from nbtrainer.config.section import Section, metadata_of
from nbtrainer.config.task.settings import OTHER_KINDS, TaskSettings, models


def read_older(values: dict[str, Any], config: type[BaseModel]) -> list[str]:
    """Change `values`, as they were read from a file, to those of this version; a sentence for each change.

    Menus took `auto` although it was none of their choices, and meant their default by it or nothing at all.
    """
    sentences = _rename_settings(values, config)
    for name, declared in config.model_fields.items():
        section, written = declared.annotation, values.get(name)
        if isinstance(written, dict) and isinstance(section, type) and issubclass(section, Section):
            sentences += _replace_auto(section, name, written)
            for kind, settings in written.get(OTHER_KINDS, {}).items() if section is TaskSettings else ():
                sentences += _replace_auto(models()[kind], name, settings)
    return sentences


def _replace_auto(section: type[Section], name: str, written: dict[str, Any]) -> list[str]:
    sentences = []
    if section is TaskSettings and written.get("kind") in models():
        section = models()[written["kind"]]
    for setting, info in section.model_fields.items():
        choices = metadata_of(info).choices
        if written.get(setting) == "auto" and info.annotation is str and choices and "auto" not in choices:
            written[setting] = info.default
            sentences.append(f"{name}.{setting}: auto is none of its choices; {info.default} is taken, the default")
    return sentences


def _rename_settings(values: dict[str, Any], config: type[BaseModel]) -> list[str]:
    renamed = []
    for name, declared in config.model_fields.items():
        section, written = declared.annotation, values.get(name)
        if not isinstance(written, dict) or not (isinstance(section, type) and issubclass(section, Section)):
            continue
        renamed += [f"{name}.{old} is {name}.{new}" for old, new in section.renamed().items() if old in written]
        values[name] = section.with_new_names(written)
    return [f"settings have new names: {', '.join(renamed)}"] if renamed else []
