"""Fetch a model of the catalog: its licence is accepted first, its hash proves it afterwards."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

from nbtrainer.catalog.named_models import NamedModel, named_models
from nbtrainer.disk import make_folder, write_aside
from nbtrainer.errors import ModelError
from nbtrainer.io.formats.decompressed import cache_folder
from nbtrainer.progress import OnProgress

_PIECE = 2**16
_SECONDS = 30


def download_model(
    name: str, *, accept_licence: bool, catalog: Path | None = None, report: OnProgress | None = None
) -> Path:
    """The file of model `name`, from the cache folder or downloaded into it.

    `catalog`: a file like that of `named_models`, other than the one of the package. `report(done, of)` counts bytes; `of` is 0
    if the server does not tell. Raises `ModelError` if the licence is not accepted, the file cannot be had, or is another one.
    """
    model = _offered(name, catalog)
    folder = cache_folder().with_name("models") / model.sha256[:16]
    file = folder / PurePosixPath(model.inside or model.address).name
    if file.is_file():
        return file
    if not accept_licence:
        raise ModelError(
            name,
            f"this model is under the licence {model.licence} ({model.page or model.address}), which you did not accept yet",
            "Read it, and download the model with accept_licence=True (--accept-licence)",
        )
    make_folder(folder)
    with write_aside(file) as aside:
        fetched = aside.with_name(f"{aside.name}.download")
        try:
            _fetch(model, fetched, report)
            if model.inside:
                _extract(model, fetched, aside=aside)
            else:
                fetched.replace(aside)
        finally:
            fetched.unlink(missing_ok=True)
    return file


def _offered(name: str, catalog: Path | None) -> NamedModel:
    models = named_models(catalog)
    if name not in models:
        offered = tuple(each.name for each in models.values() if each.is_offered)
        raise ModelError(name, "there is no model of this name", f"Choose among {', '.join(offered) or 'none'}")
    model = models[name]
    if not model.is_offered:
        wrong = "this model is not offered for download: its licence or its hash is not known here"
        raise ModelError(name, wrong, f"See {model.page or 'its authors'}. {model.use}".strip())
    return model


def _fetch(model: NamedModel, aside: Path, report: OnProgress | None) -> None:
    if not model.address.startswith(("https://", "http://")):
        raise ModelError(model.name, f"{model.address} is no address of the web", "Mend the catalog")
    digest = hashlib.sha256()
    done = 0
    try:
        with urllib.request.urlopen(model.address, timeout=_SECONDS) as answer, aside.open("wb") as file:
            size = int(answer.headers.get("Content-Length") or 0)
            while piece := answer.read(_PIECE):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                if report is not None:
                    report(done, size)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise ModelError(
            model.name,
            f"it could not be downloaded from {model.address} ({reason})",
            "Try again with a network connection, or give the path of a file",
        ) from error
    if size and done < size:
        raise ModelError(model.name, f"the download ended after {done:,} of {size:,} bytes", "Try again")
    if digest.hexdigest() != model.sha256.lower():
        raise ModelError(
            model.name,
            f"what {model.address} sent is not the file that the catalog means (SHA-256 {digest.hexdigest()})",
            "It was changed there, or on the way: do not use it",
        )


def _extract(model: NamedModel, archive: Path, *, aside: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as files, files.open(model.inside) as source, aside.open("wb") as file:
            while piece := source.read(_PIECE):
                file.write(piece)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(model.name, f"it has no file {model.inside}", "Mend the catalog") from error
