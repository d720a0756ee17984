"""Image files opened lazily: a region is read where the format allows it, whatever the format."""

from nbtrainer.data.formats.kinds import SUFFIXES, is_image, stem
from nbtrainer.data.formats.opened import Opened
from nbtrainer.data.formats.opening import open_image
from nbtrainer.data.formats.version import version

__all__ = ["SUFFIXES", "Opened", "is_image", "open_image", "stem", "version"]
