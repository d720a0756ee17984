"""The part of the public API about models to start from; imports inside its functions, as `nbtrainer.api`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nbtrainer.disk_errors import in_sentences

if TYPE_CHECKING:
    from nbtrainer.catalog.named_models import NamedModel
    from nbtrainer.progress import OnProgress

Path = str | os.PathLike[str]


@in_sentences
def list_models(folder: Path, report: OnProgress | None = None) -> list[dict[str, Any]]:
    """The models in a folder, a row each: name, path, kind, dim, channels, classes, network, score; see
    `nbtrainer.inference.list_models`. `report(done, of)` is called as it goes on.
    """
    from pathlib import Path

    from nbtrainer.inference.list_models import list_models

    return list_models(Path(folder), report)


@in_sentences
def named_models(catalog: Path | None = None) -> dict[str, NamedModel]:
    """Models of others by name, with page, licence and address; of the package, or of a catalog (JSON) of somebody's."""
    from pathlib import Path

    from nbtrainer.catalog.named_models import named_models

    return named_models(None if catalog is None else Path(catalog))


@in_sentences
def download_model(
    name: str, accept_licence: bool = False, catalog: Path | None = None, report: OnProgress | None = None
) -> str:
    """The path of model `name` of `named_models`, downloaded once into the cache folder and proved by its SHA-256.

    Its licence has to be accepted first. `report(done, of)` counts bytes.
    """
    from pathlib import Path

    from nbtrainer.inference.download_model import download_model

    file = None if catalog is None else Path(catalog)
    return str(download_model(name, accept_licence=accept_licence, catalog=file, report=report))
