"""What a run changes of the whole process, and gives back: the user goes on in the same kernel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def kernel_as_it_was() -> Iterator[None]:
    """Threads of torch and its random numbers are afterwards what they were before the first of the runs at work."""
    global _at_work, _before
    with _lock:
        _at_work += 1
        if _at_work == 1:
            _before = _state()
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1
            if _at_work == 0:
                _restore(_before)
                _before = {}


_lock = threading.Lock()
_at_work = 0
_before: dict[str, Any] = {}


def _state() -> dict[str, Any]:
    # a card that nobody has used yet has no state, and asking would start it
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {"threads": torch.get_num_threads(), "random": torch.get_rng_state(), "cards": cards}


def _restore(state: dict[str, Any]) -> None:
    torch.set_num_threads(state["threads"])
    torch.set_rng_state(state["random"])
    if state["cards"]:
        torch.cuda.set_rng_state_all(state["cards"])
