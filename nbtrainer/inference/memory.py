"""Memory that does not suffice for an image, in a sentence that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbtrainer.errors import ComputerError
from nbtrainer.inference.device import is_out_of_memory


@contextmanager
def name_image_without_memory(name: str) -> Iterator[None]:
    """What runs out of memory within is told of the image `name`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_large_to_predict(name) from None


def too_large_to_predict(name: str) -> ComputerError:
    """The memory does not suffice for the image `name`, not even in the smallest tiles."""
    return ComputerError(
        name,
        "the memory does not suffice to predict this image, not even in small tiles",
        "Close other programs, or divide the image",
    )
