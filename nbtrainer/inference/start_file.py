"""What training can start from: a checkpoint of ours, or weights of another tool."""

from __future__ import annotations

from pathlib import Path

from nbtrainer.disk import exists, is_file, is_folder
from nbtrainer.errors import ModelError
from nbtrainer.inference.checkpoint import is_checkpoint, record_of, task_in
from nbtrainer.inference.checkpoint_path import best_checkpoint
from nbtrainer.inference.start_package import open_package, read_package
from nbtrainer.inference.weights_file import StartFile, as_start, read_weights


def read_start(path: Path) -> StartFile:
    """What is at `path`: a checkpoint or run of ours, or the weights of somebody else.

    Understood are files of torch that hold weights by name (also among other things), safetensors, files of Cellpose 1 to 3
    and Omnipose, and packages, as a folder or zip file, of the BioImage Model Zoo and of MONAI.
    Raises `UserError` for whatever else it is, with the way to make weights of it.
    """
    package = open_package(path)
    if package is not None:
        with package:
            return read_package(package)
    if is_folder(path):
        file = best_checkpoint(path)
        if file is None:
            remedy = "Give a file, the folder of a run, or that of a package"
            raise ModelError(str(path), "this folder holds no model", remedy)
        path = file
    if exists(path) and not is_file(path):
        raise ModelError(str(path), "this is no ordinary file", "Give a file of weights")
    content = read_weights(path, name=path.name)
    if not is_checkpoint(content):
        return as_start(content, name=path.name)
    record = record_of(content, path)
    try:
        network, weights = dict(record["network"]), dict(record["weights"])
        for name in ("name", "dim", "features", "input_channels", "output_channels"):
            network[name]
        return StartFile(
            weights=weights,
            format="a model of nbtrainer",
            network=network,
            kind=task_in(record).name,
            record=record,
        )
    except (KeyError, TypeError, AttributeError):
        remedy = "Give a .pt file or a run of nbtrainer"
        raise ModelError(str(path), "this is no model of nbtrainer", remedy) from None
