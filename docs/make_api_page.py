"""Write docs/api.md, the page of the public names: `python docs/make_api_page.py`.

From signatures and docstrings alone; a test says when the page is older than the code.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import nbtrainer as nbt
from nbtrainer.inference import Predictor
from nbtrainer.runs import Run

PAGE = Path(__file__).with_name("api.md")
# what people do, in that order; a name that stands nowhere is listed last
CHAPTERS = {
    "In the notebook": ("TrainerApp", "Dashboard"),
    "Settings": ("Config",),
    "Data": (
        "prepare",
        "prepare_dataset",
        "stack_images",
        "unstack_images",
        "check",
        "fix",
        "fix_all",
        "pairs",
        "patches",
    ),
    "Runs": ("train", "start", "resume", "attach", "cross_validate"),
    "Models": ("load_model", "evaluate", "set_thresholds", "list_models", "named_models", "download_model"),
}
# what these functions return, which nobody makes by hand
RETURNED = {"Runs": ("run", Run), "Models": ("model", Predictor)}


def page() -> str:
    """The page as Markdown."""
    names = [name for name in nbt.__all__ if not name.startswith("_")]
    named = {name for chapter in CHAPTERS.values() for name in chapter}
    chapters = {title: [name for name in chapter if name in names] for title, chapter in CHAPTERS.items()}
    chapters["More"] = sorted(name for name in names if name not in named)
    lines = [
        "# Public names",
        "",
        "Made from the docstrings by `python docs/make_api_page.py`; do not edit. `import nbtrainer as nbt` gives all of them;",
        "what is not listed here may change without notice.",
        "",
    ]
    for title, chapter in chapters.items():
        lines += [f"## {title}", ""]
        for name in chapter:
            lines += _entry(name, getattr(nbt, name))
        if title in RETURNED:
            name, returned = RETURNED[title]
            lines += [f"### `{name}`", "", _text(returned), "", *_members(returned)]
    return "\n".join(lines).rstrip() + "\n"


def _entry(name: str, thing: Any) -> Iterator[str]:
    if inspect.ismodule(thing):
        yield from (f"### `nbt.{name}`", "", _text(thing), "")
        for inner in getattr(thing, "__all__", ()):
            yield from _function(f"nbt.{name}.{inner}", getattr(thing, inner), "####")
    elif inspect.isclass(thing):
        yield from (f"### `nbt.{name}{_signature(thing)}`", "", _text(thing), "")
        yield from _members(thing)
    else:
        yield from _function(f"nbt.{name}", thing, "###")


def _members(thing: type) -> Iterator[str]:
    """Public methods and properties that the class, or one of ours above it, declares and explains; long texts last."""
    explained: list[str] = []
    for name, member in inspect.getmembers(thing):
        raw = inspect.getattr_static(thing, name)
        function = raw.fget if isinstance(raw, property) else member
        is_ours = str(getattr(function, "__module__", "")).startswith("nbtrainer") and inspect.getdoc(function)
        if name.startswith("_") or not is_ours or inspect.isclass(member):
            continue
        if isinstance(raw, property):
            yield f"- `.{name}`: {_first_paragraph(function)}"
        elif callable(member):
            yield f"- `.{name}{_signature(member)}`: {_first_paragraph(function)}"
            if "\nParameters\n" in (inspect.getdoc(function) or ""):
                explained += [f"#### `.{name}{_signature(member)}`", "", _text(function), ""]
    yield from ("", *explained)


def _function(name: str, thing: Any, heading: str) -> Iterator[str]:
    signature = _signature(thing) if callable(thing) else ""
    yield from (f"{heading} `{name}{signature}`", "", _text(thing), "")
    # a function that hands its options on, to one that explains them
    target = re.search(r"see `(nbtrainer\.[\w.]+)\.(\w+)`", inspect.getdoc(thing) or "")
    if target and "**" in signature:
        explaining = getattr(importlib.import_module(target[1]), target[2])
        yield from (f"`{target[2]}{_signature(explaining)}`:", "", _text(explaining), "")


def _signature(thing: Any) -> str:
    """The arguments with their defaults, without their types: those are in the text, in words."""
    if isinstance(thing, type) and issubclass(thing, BaseModel):
        return "(**sections)"  # versions of pydantic write its signature in different ways
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    kept = [
        each.replace(annotation=inspect.Parameter.empty)
        for name, each in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    return str(signature.replace(parameters=kept, return_annotation=inspect.Signature.empty))


def _text(thing: Any) -> str:
    """A docstring in NumPy's style as Markdown: its headings in bold, its arguments as a list, its examples as code."""
    lines: list[str] = []
    source = (inspect.getdoc(thing) or "").splitlines()
    is_code = False
    for number, line in enumerate(source):
        following = source[number + 1] if number + 1 < len(source) else ""
        if re.fullmatch(r"-{3,}", line):
            continue
        starts_code = line.startswith(">>>")
        if starts_code and not is_code:
            lines.append("```python")
        elif is_code and not line.strip():
            lines.append("```")
        is_code = starts_code or (is_code and bool(line.strip()))
        if re.fullmatch(r"-{3,}", following):
            lines.append(f"**{line}**\n")
        elif following.startswith("    ") and line and not line.startswith(" ") and not is_code:
            lines.append(f"\n`{line}`:")
        else:
            lines.append(line.strip() if line.startswith("    ") and not is_code else line)
    return "\n".join([*lines, *(["```"] if is_code else [])])


def _first_paragraph(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
