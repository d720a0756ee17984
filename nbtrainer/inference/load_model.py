"""A model from a checkpoint or the folder of a run."""

from __future__ import annotations

import os
from pathlib import Path

from nbtrainer.errors import ComputerError, ModelError, UserError
from nbtrainer.inference.checkpoint import checkpoint_file, load_checkpoint
from nbtrainer.inference.device import is_out_of_memory
from nbtrainer.inference.predictor import Predictor


def load_model(path: str | os.PathLike[str], device: str = "auto") -> Predictor:
    """The model in a checkpoint or the folder of a run (see `load_checkpoint`)."""
    file = checkpoint_file(Path(path))
    record = load_checkpoint(file)
    try:
        return Predictor(record, file, device)
    except UserError:
        raise
    except Exception as error:  # a damaged record makes Python stumble over anything
        if is_out_of_memory(error):
            raise ComputerError(
                str(file), "the memory does not suffice for this model", "Close other programs"
            ) from None
        versions = record.get("versions")
        writer = versions.get("nbtrainer", "?") if isinstance(versions, dict) else "?"
        raise ModelError(
            str(file),
            f"this model is damaged, or was written by another version ({type(error).__name__})",
            f"It says that nbtrainer {writer} wrote it; load it with that one, or train again",
        ) from None
