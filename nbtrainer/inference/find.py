"""Which checkpoint of a run's folder stands for the run, found without reading its journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BEST_LIST = "best.json"


def best_checkpoint(run: Path) -> Path | None:
    """The checkpoint that stands for the run in folder `run` (or its `checkpoints` folder), or None.

    The best one, else the last; the other way round if the run's settings say `training.load_at_end = "last"`.
    """
    folder = run / "checkpoints" if (run / "checkpoints").is_dir() else run
    last = folder / "last.pt"
    candidates = [folder / entry["file"] for entry in _json(folder / BEST_LIST, [])] + [last]
    if _json(folder.parent / "config.json", {}).get("training", {}).get("load_at_end") == "last":
        candidates.insert(0, last)
    return next((file for file in candidates if file.exists()), None)


def _json(file: Path, missing: Any) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else missing
