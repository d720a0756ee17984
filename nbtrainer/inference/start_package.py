"""Packages of models, as a folder or zip file: of the BioImage Model Zoo (rdf.yaml) and of MONAI (bundles).

Only plain weights are read, out of the package alone; nothing is unpacked, and no code in it is run.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import yaml

from nbtrainer.config.messages import join_or
from nbtrainer.disk import file_below, is_folder
from nbtrainer.disk_errors import at_disk
from nbtrainer.errors import ModelError
from nbtrainer.inference.monai_definition import network_of_monai
from nbtrainer.inference.weights_file import StartFile, as_start, read_weights

_RDF = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
_METADATA = "configs/metadata.json"
_SETTINGS = ("configs/inference.json", "configs/inference.yaml", "configs/train.json", "configs/train.yaml")
_BUNDLE_WEIGHTS = ("models/model.pt", "models/model.pth", "models/model.safetensors")
_LARGEST_TEXT, _LARGEST_WEIGHTS = 2**24, 2**34
_SMALL, _MOST_SHRUNK = 2**26, 100


class Package:
    """Files of a folder or zip file, by their path in it; `inside` is the folder in it that holds the package."""

    def __init__(self, path: Path, archive: zipfile.ZipFile | None, inside: str) -> None:
        self.path = path
        self._archive = archive
        self._inside = inside

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive.close()

    def has(self, name: str) -> bool:
        if self._archive is not None:
            return self._inside + name in self._archive.namelist()
        return (self.path / name).is_file()

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """The content of file `name`. Raises `UserError` if it lies outside of the package, or is too large."""
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or ":" in name or "\0" in name:
            wrong = f"it names the file {name!r}, which lies outside of the package, and is not read"
            raise ModelError(str(self.path), wrong, "Get the package again, or take the file itself if you trust it")
        inside = str(pure)
        if self._archive is None:
            file = file_below(self.path, inside, by=self.path.name)
            self._require_size(inside, file.stat().st_size, most_bytes=most_bytes)
            with at_disk(file, done="read"):
                return file.read_bytes()
        try:
            entry = self._archive.getinfo(self._inside + inside)
            # weights hardly shrink: what shrinks so much would only fill the memory
            is_bomb = entry.file_size > _SMALL and entry.file_size > _MOST_SHRUNK * max(1, entry.compress_size)
            self._require_size(inside, entry.file_size, most_bytes=0 if is_bomb else most_bytes)
            return self._archive.read(self._inside + inside)
        except KeyError:
            raise ModelError(str(self.path), f"it has no file {inside}", "Get the package again") from None
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            raise ModelError(
                str(self.path), f"its file {inside} cannot be read ({error})", "Get the package again"
            ) from error

    def _require_size(self, name: str, size: int, *, most_bytes: int) -> None:
        if size > most_bytes:
            more = f"none such has more than {most_bytes / 1e6:,.0f}" if most_bytes else "hardly anything is in it"
            wrong = f"its file {name} has {size / 1e6:,.0f} MB, and {more}"
            raise ModelError(str(self.path), wrong, "Is it the right package?")


def open_package(path: Path) -> Package | None:
    """The package at `path`; None if it is none."""
    if is_folder(path):
        package = Package(path, None, "")
        return package if any(package.has(name) for name in (*_RDF, _METADATA, *_BUNDLE_WEIGHTS)) else None
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    for known in (*_RDF, _METADATA):
        for name in archive.namelist():
            # bundles lie in a folder of their name; a file of torch has no such names
            if name == known or (name.endswith(f"/{known}") and name.count("/") == known.count("/") + 1):
                return Package(path, archive, name.removesuffix(known))
    archive.close()
    return None


def read_package(package: Package) -> StartFile:
    """The weights in `package`. Raises `UserError` if it has none that are plain weights."""
    rdf = next((name for name in _RDF if package.has(name)), None)
    return _read_zoo(package, rdf) if rdf is not None else _read_bundle(package)


def _read_zoo(package: Package, rdf: str) -> StartFile:
    try:
        described = yaml.safe_load(package.read(rdf, most_bytes=_LARGEST_TEXT))
        weights: Mapping[str, Any] = described["weights"]
        kinds = sorted(map(str, weights))
    except (yaml.YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(str(package.path), f"its {rdf} describes no model", "Get the package again") from error
    entry = weights.get("pytorch_state_dict")
    if not isinstance(entry, Mapping) or not isinstance(entry.get("source"), str):
        raise ModelError(
            str(package.path),
            f"this package has its weights as {join_or(kinds) or 'nothing'} only, and "
            "plain weights (pytorch_state_dict) are needed",
            "Ask its authors for these, or choose another model",
        )
    source = entry["source"]
    content = package.read(source, most_bytes=_LARGEST_WEIGHTS)
    _require_hash(package, source, content, expected=entry.get("sha256"))
    return as_start(
        read_weights(io.BytesIO(content), name=source),
        name=source,
        format="a package of the BioImage Model Zoo",
        title=str(described.get("name") or ""),
        licence=str(described.get("license") or ""),
        network=_zoo_network(described, entry=entry),
    )


def _require_hash(package: Package, source: str, content: bytes, *, expected: Any) -> None:
    if isinstance(expected, str) and hashlib.sha256(content).hexdigest() != expected.lower():
        wrong = f"its file {source} is not the one that it describes (SHA-256)"
        raise ModelError(str(package.path), wrong, "It is damaged or was changed: get the package again")


def _zoo_network(described: Mapping[str, Any], *, entry: Mapping[str, Any]) -> dict[str, Any]:
    """What the package tells of its network; else the dimensions of its images: axes are a text (version 0.4) or a list (0.5)."""
    built = entry.get("architecture")
    if isinstance(built, Mapping):
        network = network_of_monai(f"{built.get('import_from', '')}.{built.get('callable', '')}", built.get("kwargs"))
    else:
        network = network_of_monai(str(built), entry.get("kwargs"))
    if network:
        return network
    try:
        axes = described["inputs"][0]["axes"]
        names = list(axes) if isinstance(axes, str) else [str(axis.get("id", axis.get("type"))) for axis in axes]
    except (KeyError, IndexError, TypeError, AttributeError):
        return {}
    count = sum(name in ("z", "y", "x") for name in names)
    return {"dim": count} if count in (2, 3) else {}


def _read_bundle(package: Package) -> StartFile:
    source = next((name for name in _BUNDLE_WEIGHTS if package.has(name)), None)
    if source is None:
        raise ModelError(
            str(package.path),
            f"this bundle of MONAI has no weights ({' or '.join(_BUNDLE_WEIGHTS[:1])})",
            "Get its weights too; a program in TorchScript (model.ts) is not loaded",
        )
    content = package.read(source, most_bytes=_LARGEST_WEIGHTS)
    about = _parsed(package, _METADATA)
    return as_start(
        read_weights(io.BytesIO(content), name=source),
        name=source,
        format="a bundle of MONAI",
        title=str(about.get("name") or ""),
        licence=str(about.get("license") or about.get("copyright") or ""),
        network=_bundle_network(package, about),
    )


def _bundle_network(package: Package, about: Mapping[str, Any]) -> dict[str, Any]:
    """What the bundle's settings say of its network; else the dimensions of its images."""
    for name in _SETTINGS:
        defined = _parsed(package, name).get("network_def")
        if isinstance(defined, Mapping):
            target = str(defined.get("_target_"))
            if network := network_of_monai(target if "." in target else f"monai.networks.nets.{target}", defined):
                return network
    try:
        shape = next(iter(about["network_data_format"]["inputs"].values()))["spatial_shape"]
    except (KeyError, TypeError, AttributeError, StopIteration):
        return {}
    return {"dim": len(shape)} if isinstance(shape, list) and len(shape) in (2, 3) else {}


def _parsed(package: Package, name: str) -> Mapping[str, Any]:
    """What a file of settings of the bundle says (YAML, which JSON is); empty if it is not there."""
    if not package.has(name):
        return {}
    try:
        parsed = yaml.safe_load(package.read(name, most_bytes=_LARGEST_TEXT))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ModelError(str(package.path), f"its {name} cannot be read", "Get the bundle again") from error
    return parsed if isinstance(parsed, Mapping) else {}
