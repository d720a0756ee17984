"""A model from a checkpoint or the folder of a run; several as one from a list or the folder of a cross-validation."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from nbtrainer.data.fold_record import FoldRecord, fold_folder, is_cross_validation
from nbtrainer.errors import ComputerError, ModelError, UserError
from nbtrainer.inference.checkpoint import checkpoint_file, load_checkpoint
from nbtrainer.inference.checkpoint_path import best_checkpoint
from nbtrainer.inference.device import is_out_of_memory
from nbtrainer.inference.ensemble import Ensemble
from nbtrainer.inference.predictor import Predictor


def load_model(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], device: str = "auto"
) -> Predictor | Ensemble:
    """The model in a checkpoint or the folder of a run (see `load_checkpoint`); of several, or of the folder of a
    cross-validation, an `Ensemble`. Warns of folds that have no model yet."""
    if not isinstance(path, str | os.PathLike):
        return Ensemble([_load(Path(each), device) for each in path])
    folder = Path(path)
    if not is_cross_validation(folder):
        return _load(folder, device)
    folds = range(1, FoldRecord.read(folder).folds + 1)
    trained = [fold for fold in folds if best_checkpoint(fold_folder(folder, fold)) is not None]
    if not trained:
        raise ModelError(str(folder), "no fold of this cross-validation has a model yet", "Go on with it first")
    if len(trained) < len(folds):
        left = ", ".join(str(fold) for fold in folds if fold not in trained)
        words = f"{folder}: this cross-validation is not complete, and answers without fold {left}"
        warnings.warn(words, UserWarning, stacklevel=3)
    return Ensemble([_load(fold_folder(folder, fold), device) for fold in trained], folder)


def _load(path: Path, device: str) -> Predictor:
    file = checkpoint_file(path)
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
