"""Which precision and memory format are fastest here: measured, never looked up."""

from __future__ import annotations

import copy
import math
import shutil
import statistics
import time

import torch
from torch import nn

from nbtrainer.inference.device import (
    autocast,
    is_out_of_memory,
    memory_format,
    random_state,
    set_random_state,
    synchronize,
)

# processors differ: bf16 halves the step on those that have it and doubles it on those that have not
_LIMIT_SECONDS = 5.0
_REPETITIONS = 4
# float32 is exact: something else must be clearly faster
_CLEARLY = 0.93

# the first use of a compiled network took up to 110 s on two cores, and each later step 0.7 to 0.85 of the time
_COMPILE_PAYS_AFTER_SECONDS = 30 * 60


def measure(
    network: nn.Module,
    *,
    loss: nn.Module,
    images: torch.Tensor,
    targets: torch.Tensor,
    device: torch.device,
    precisions: list[str],
    formats: list[str],
) -> dict[tuple[str, str], float]:
    """Seconds of one step on a batch (B, C, [Z,] Y, X) with its encoded targets, for each precision and memory format.

    Works on a copy of `network` and disturbs no random numbers. Candidates that do not fit into the time limit or the
    memory are left out, the first never: it takes infinitely long if it does not fit (a step can be done in parts).
    """
    seconds: dict[tuple[str, str], float] = {}
    ends = time.monotonic() + _LIMIT_SECONDS
    random = random_state(device)
    try:
        for precision in precisions:
            for layout in formats:
                if seconds and time.monotonic() + 2 * min(seconds.values()) > ends:
                    continue
                try:
                    measured_seconds = _time_steps(
                        network,
                        loss=loss,
                        images=images,
                        targets=targets,
                        device=device,
                        precision=precision,
                        layout=layout,
                        ends=ends,
                    )
                except (RuntimeError, MemoryError) as error:
                    # a device that does not know a precision says so in many ways; the next candidate will do
                    if seconds or is_out_of_memory(error):
                        continue
                    raise
                seconds[precision, layout] = measured_seconds
    finally:
        set_random_state(random, device)
    return seconds or {(precisions[0], formats[0]): math.inf}


def fastest(seconds: dict[tuple[str, str], float]) -> tuple[str, str]:
    """The candidate to use: the exact, plain one unless another is clearly faster."""
    plain = next(iter(seconds))
    best = min(seconds, key=lambda candidate: seconds[candidate])
    return best if seconds[best] < _CLEARLY * seconds[plain] else plain


def compile_pays(device: torch.device, seconds_left: float) -> bool:
    """Whether translating the network into machine code is possible here and earned back in the time left."""
    has_compiler = device.type == "cuda" or any(shutil.which(name) for name in ("g++", "clang++", "c++"))
    is_known = has_compiler and device.type in ("cpu", "cuda") and math.isfinite(seconds_left)
    return is_known and seconds_left > _COMPILE_PAYS_AFTER_SECONDS


def _time_steps(
    network: nn.Module,
    *,
    loss: nn.Module,
    images: torch.Tensor,
    targets: torch.Tensor,
    device: torch.device,
    precision: str,
    layout: str,
    ends: float,
) -> float:
    order = memory_format(layout, images.ndim - 2)
    trial = copy.deepcopy(network).to(memory_format=order).train()  # type: ignore[call-overload]
    images = images.to(device, memory_format=order)
    targets = targets.to(device)
    times = []
    for repetition in range(_REPETITIONS + 1):
        began = time.monotonic()
        with autocast(device, precision):
            logits = trial(images)
        loss(logits.float(), targets).backward()
        synchronize(device)
        took = time.monotonic() - began
        if repetition:  # the first one prepares
            times.append(took)
        if time.monotonic() > ends and (times or repetition):
            break
    return statistics.median(times or [took])
