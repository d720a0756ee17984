"""Image files opened lazily: a region is read where the format allows it, whatever the format."""

from nbtrainer.data.formats.content import is_jpeg
from nbtrainer.data.formats.kinds import SUFFIXES, channel_files, is_image, stem
from nbtrainer.data.formats.opened import Opened
from nbtrainer.data.formats.opening import open_image
from nbtrainer.data.formats.place import Place, difference
from nbtrainer.data.formats.seen import Turned, brought_to
from nbtrainer.data.formats.version import version

__all__ = [
    "SUFFIXES",
    "Opened",
    "Place",
    "Turned",
    "brought_to",
    "channel_files",
    "difference",
    "is_image",
    "is_jpeg",
    "open_image",
    "stem",
    "version",
]
