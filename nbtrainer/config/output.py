"""Where results go."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nbtrainer.config.section import PathText, Section, field

_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]|^\.+$|^\s|\s$')


class Output(Section):
    """Where results go: `root/data_task/name`. An earlier run is never overwritten."""

    where: ClassVar[str] = "output"

    root: PathText = field(
        "runs",
        title="Output models to",
        help="Folder for the trained models.",
        path="folder",
    )
    data_task: str = field(
        "default",
        title="Data and task",
        help="Folder below it, one for each kind of data.",
        max_length=100,
        advanced=True,
    )
    name: str = field(
        "",
        title="Name of this run",
        help="Folder of this run. Empty: the next free of run-001, run-002, ...",
        max_length=100,
    )
    preview_tiles: int = field(
        2,
        title="Preview tiles",
        help="How many fixed validation tiles are drawn at each validation.",
        ge=0,
        le=12,
        advanced=True,
    )

    @field_validator("data_task", "name")
    @classmethod
    def _is_one_folder(cls, value: str) -> str:
        if _UNSAFE.search(value):
            raise PydanticCustomError(
                "unsafe_name",
                "{wrong}",
                {
                    "wrong": f"{value!r} cannot be the name of a folder",
                    "remedy": "Use letters, digits, spaces, - and _; the folder above it is output.root",
                },
            )
        return value
