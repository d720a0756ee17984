"""Decoded pages, tiles and small files, kept for the next read: bounded, and shared by all opened files."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np

# with a decoded page of at most LARGEST_CHUNK on its way, a reader stays below 200 MB
MOST_BYTES = 96 * 2**20
LARGEST_CHUNK = 64 * 2**20

_chunks: OrderedDict[tuple[int, Hashable], np.ndarray] = OrderedDict()
_bytes = 0
_lock = threading.RLock()
_numbers = itertools.count()


def owner() -> int:
    """A number under which one opened file keeps its chunks."""
    return next(_numbers)


def get_or_decode(owner: int, key: Hashable, decode: Callable[[], np.ndarray]) -> np.ndarray:
    """What `decode` gives, or gave before; not to be written to."""
    with _lock:
        cached = _chunks.get((owner, key))
        if cached is not None:
            _chunks.move_to_end((owner, key))
            return cached
    chunk = decode()
    # a view would keep more memory than is counted
    chunk = chunk if chunk.base is None else chunk.copy()
    chunk.flags.writeable = False
    if chunk.nbytes <= LARGEST_CHUNK:
        _keep((owner, key), chunk)
    return chunk


def forget(owner: int) -> None:
    """Drop the chunks of a file that nobody holds any more."""
    global _bytes
    with _lock:
        for key in [key for key in list(_chunks) if key[0] == owner]:
            # the collector may call this in the middle of itself
            chunk = _chunks.pop(key, None)
            _bytes -= 0 if chunk is None else chunk.nbytes


def forget_all() -> None:
    """Start anew, in a child process too, in which a lock that another thread held would never open."""
    global _bytes, _lock
    _lock = threading.RLock()
    _chunks.clear()
    _bytes = 0


def _keep(key: tuple[int, Hashable], chunk: np.ndarray) -> None:
    global _bytes
    with _lock:
        if key in _chunks:
            return
        _chunks[key] = chunk
        _bytes += chunk.nbytes
        while _bytes > MOST_BYTES:
            _bytes -= _chunks.popitem(last=False)[1].nbytes
