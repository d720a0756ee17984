"""How much memory training will take: told before the first step, and what `batch_size: auto` is chosen by."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from nbtrainer.augment.device.sources import free_memory
from nbtrainer.inference import xla
from nbtrainer.inference.device import autocast, random_state, set_random_state

# more would not fit beside what the libraries and the browser take
_USABLE_SHARE = 0.8
# a batch is no larger than this where nobody asked for it: on a processor a step takes its time anyway
_MOST_PATCHES = {"cpu": 8}
_MOST_ON_A_DEVICE = 32


class MemoryNeed(NamedTuple):
    """Bytes: `fixed` for weights, gradients, optimizer and images that stay on the device, `per_patch` for each patch of a batch on the way back."""

    fixed: int
    per_patch: int

    def of_batch(self, batch_size: int) -> int:
        """Bytes that a step on so many patches at once takes."""
        return self.fixed + batch_size * self.per_patch


def measure_need(
    network: nn.Module,
    *,
    loss: nn.Module,
    image: torch.Tensor,
    target: torch.Tensor,
    device: torch.device,
    precision: str,
) -> MemoryNeed:
    """What a step takes, from one patch (1, C, [Z,] Y, X) and its target: what torch keeps of it for the way back.

    Counted, not tried out: nothing runs out of memory by it but the one patch. Changes neither weights nor random numbers.
    """
    sizes: dict[int, int] = {}

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    image, target = image.to(device), target.to(device)
    random = random_state(device)
    was_training = network.training
    buffers = [buffer.clone() for buffer in network.buffers()]
    try:
        network.train()
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor), autocast(device, precision):
            answer = network(image)
            loss(answer.float(), target)
    finally:
        set_random_state(random, device)
        network.train(was_training)
        with torch.no_grad():
            for buffer, before in zip(network.buffers(), buffers, strict=True):
                buffer.copy_(before)
    weights = {each.untyped_storage().data_ptr() for each in (*network.parameters(), *network.buffers())}
    saved = [size for pointer, size in sizes.items() if pointer not in weights]
    own = sum(each.numel() * each.element_size() for each in network.parameters())
    # weights, their gradients, and the two moments of Adam
    fixed = 4 * own
    # on the way back the gradient of the largest activation stands beside it, with what the convolution works in
    per_patch = sum(saved) + 3 * max(saved, default=0) + image.nbytes + target.nbytes + 2 * answer.float().nbytes
    return MemoryNeed(fixed, per_patch)


def usable_memory(device: torch.device) -> int:
    """Bytes that may still be used on `device`: what is free, and what torch keeps there for later; 0 where nobody tells."""
    free = free_memory(device)
    if device.type == "xla":
        used, limit = xla.memory(device)
        free = limit - used
    if device.type == "cuda":
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free


def fitting_batch(need: MemoryNeed, free: int, device: torch.device, *, patches: int) -> int:
    """The largest batch, a power of two, that fits into `free` bytes with something to spare; at least 1.

    Not more than `patches`, those of an epoch, and than 8 on a processor, 32 elsewhere.
    """
    most = min(_MOST_PATCHES.get(device.type, _MOST_ON_A_DEVICE), max(1, patches))
    batch = 1
    while 2 * batch <= most and need.of_batch(2 * batch) <= _USABLE_SHARE * free:
        batch *= 2
    return batch
