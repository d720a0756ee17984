"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

from pathlib import Path

_HEAD_BYTES = 352

# how files begin that can be read: what they are called, and a suffix of theirs
_KNOWN: tuple[tuple[bytes, str, str], ...] = (
    (b"II*\0", "TIFF", ".tif"),
    (b"MM\0*", "TIFF", ".tif"),
    (b"II+\0", "TIFF", ".tif"),
    (b"MM\0+", "TIFF", ".tif"),
    (b"\x89PNG\r\n\x1a\n", "PNG", ".png"),
    (b"\xff\xd8\xff", "JPEG", ".jpg"),
    (b"\x89HDF\r\n\x1a\n", "HDF5 file", ".h5"),
    (b"\x93NUMPY", "NPY file", ".npy"),
    (b"ZISRAWFILE", "CZI", ".czi"),
    (b"\xda\xce\xbe\x0a", "ND2", ".nd2"),
    (b"NRRD000", "NRRD", ".nrrd"),
    (b"ObjectType", "MetaImage", ".mha"),
)
# and some that cannot
_OTHER: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop file"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"PK\x03\x04", "zip file"),
    (b"\x1f\x8b", "gzip file"),
    (b"Rar!", "rar archive"),
    (b"7z\xbc\xaf", "7z archive"),
    (b"<svg", "SVG drawing"),
    (b"<!DOCTYPE", "web page"),
    (b"<!doctype", "web page"),
    (b"<html", "web page"),
)


# the files whose content begins like something else
_WRAPPED = {"zip file": ("npz", "zarr_arrays"), "gzip file": ("nifti",), "JPEG 2000": ("nd2",)}


def may_hold(module: str, *, name: str) -> bool:
    """Whether files that `module` reads may begin as those called `name` do."""
    return module in _WRAPPED.get(name, ())


def is_jpeg(file: Path) -> bool:
    """Whether the file is a JPEG, whatever its name says; False if it cannot be read."""
    try:
        return suffix_by_content(file)[0] == "JPEG"
    except OSError:
        return False


def suffix_by_content(file: Path) -> tuple[str, str]:
    """What the file is by its content, as (`PNG`, `.png`); the suffix is empty for what cannot be read, both for what is
    not known."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    for start, name, suffix in _KNOWN:
        if head.startswith(start):
            return name, suffix
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] == b"n+2\0":
        return "NIfTI", ".nii"
    if head[128:132] == b"DICM":
        return "DICOM file", ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP", ""
    return next(((name, "") for start, name in _OTHER if head.startswith(start)), ("", ""))
