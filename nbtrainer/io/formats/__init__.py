"""Image files opened lazily: a region is read where the format allows it, whatever the format."""

from nbtrainer.io.formats.display_views import Reoriented, brought_to
from nbtrainer.io.formats.file_formats import SUFFIXES, channel_files, is_image, stem
from nbtrainer.io.formats.file_version import version
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.magic_bytes import is_jpeg
from nbtrainer.io.formats.opening import open_image
from nbtrainer.io.formats.orientation import Orientation, difference

__all__ = [
    "SUFFIXES",
    "ImageFile",
    "Orientation",
    "Reoriented",
    "brought_to",
    "channel_files",
    "difference",
    "is_image",
    "is_jpeg",
    "open_image",
    "stem",
    "version",
]
