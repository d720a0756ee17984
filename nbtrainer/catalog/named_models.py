"""Models of others by name: where they come from, and under which licence."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

from nbtrainer.disk import parse_json, read_text
from nbtrainer.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """One model. `use`: in which setting it is used, and how. `page`: where its authors tell of it.

    `address`, `sha256`: of the file to download, both or neither; `inside`: the file of weights in it, if it is a zip file.
    """

    name: str
    title: str
    use: str = ""
    page: str = ""
    licence: str = ""
    address: str = ""
    sha256: str = ""
    inside: str = ""

    @property
    def is_offered(self) -> bool:
        """Whether it can be downloaded: only what a hash proves to be the file that was meant, under a licence that is known."""
        return bool(self.address and self.sha256 and self.licence)


def named_models(file: Path | None = None) -> dict[str, NamedModel]:
    """Those of the package, or of a catalog of somebody's: a JSON list of objects with the fields of `NamedModel`.

    Raises `UserError` if `file` is no such list.
    """
    if file is None:
        home = resources.files("nbtrainer.catalog") / "named_models.json"
        entries = json.loads(home.read_text(encoding="utf-8"))
    else:
        entries = _read(file)
    return {entry["name"]: NamedModel(**entry) for entry in entries}


def _read(file: Path) -> list[dict[str, str]]:
    known = {each.name for each in fields(NamedModel)}
    remedy = "Give a JSON list of objects with name, title, page, licence, address and sha256"
    try:
        entries = parse_json(read_text(file))
    except ValueError as error:
        raise ModelError(str(file), f"this is not valid JSON ({error})", remedy) from None
    if not isinstance(entries, list):
        raise ModelError(str(file), "this is no list of models", remedy)
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not {"name", "title"} <= entry.keys():
            raise ModelError(str(file), f"entry {number} has no name and title", remedy)
        wrong = [key for key, value in entry.items() if key not in known or not isinstance(value, str)]
        if wrong:
            raise ModelError(str(file), f"entry {number}: {wrong[0]} is unknown, or no text", remedy)
    return entries
