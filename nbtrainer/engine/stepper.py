"""One optimizer step; the same step in smaller parts when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from nbtrainer import metrics
from nbtrainer.errors import UserError
from nbtrainer.inference.device import autocast, free_cached_memory, is_out_of_memory
from nbtrainer.metrics import Counts, Pixels


@dataclass
class Stepper:
    """Network, loss and optimizer on one device.

    `compared` says what of output and targets pixel scores compare; `parts`: how many parts each batch is done in.
    """

    network: nn.Module
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    precision: str
    compared: Callable[[torch.Tensor, torch.Tensor], Pixels]
    may_reduce: bool = True
    parts: int = 1
    when_reduced: Callable[[int, int], None] = lambda tiles, parts: None
    scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")
        # mean error of the probabilities in each patch of the last batch
        self.patch_errors = torch.zeros(0)
        # parts of the loss of the last batch, for losses that tell them
        self.terms: dict[str, torch.Tensor] = {}
        self.forward: Callable[[torch.Tensor], torch.Tensor] = self.network

    def step(self, images: torch.Tensor, targets: torch.Tensor, learning_rate: float) -> tuple[torch.Tensor, Counts]:
        """One step on a batch (B, C, [Z,] Y, X): its loss, and the counts of its pixels.

        When memory runs out the same step is done again in twice as many parts, whose gradients are summed. Raises
        `UserError` with advice when one tile alone is too large, or parts are not wanted.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        while True:
            try:
                return self._attempt(images, targets)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # outside the except block: the traceback held the memory that the next attempt needs
            self._make_room(len(images))

    def try_out(self, forward: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> None:
        """Run `forward` forth and back once and forget the gradients, to see whether it works."""
        with autocast(self.device, self.precision):
            forward(images).float().sum().backward()
        self.optimizer.zero_grad(set_to_none=True)

    def _attempt(self, images: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, Counts]:
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        errors = []
        terms: dict[str, torch.Tensor] = {}
        counts = Counts()
        for some, truths in zip(_parts(images, self.parts), _parts(targets, self.parts), strict=True):
            share = len(some) / len(images)
            with autocast(self.device, self.precision):
                logits = self.forward(some)
            logits = logits.float()
            loss = self.loss(logits, truths)
            self.scaler.scale(loss * share).backward()
            total += loss.detach() * share
            for name, value in getattr(self.loss, "terms", {}).items():
                terms[name] = terms.get(name, torch.zeros((), device=self.device)) + value * share
            with torch.no_grad():
                pixels = self.compared(logits.detach(), truths)
                errors.append((pixels.probability - pixels.truth).abs().nan_to_num().flatten(1).mean(1))
                counts += metrics.count(pixels)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.patch_errors, self.terms = torch.cat(errors), terms
        return total, counts

    def _make_room(self, tiles: int) -> None:
        with contextlib.suppress(RuntimeError):
            self.optimizer.zero_grad(set_to_none=True)
        free_cached_memory(self.device)
        if not self.may_reduce or self.parts >= tiles:
            raise UserError(
                "training.batch_size" if not self.may_reduce else "sampling.patch_size",
                "memory ran out" + ("" if not self.may_reduce else " even with one tile at a time"),
                "Reduce the batch size or tick 'Reduce batch on out-of-memory'"
                if not self.may_reduce
                else "Reduce the tile height and width, or the features of the network, or use a machine with more memory",
            )
        self.parts = min(tiles, self.parts * 2)
        self.when_reduced(-(-tiles // self.parts), self.parts)


def _parts(batch: torch.Tensor, count: int) -> tuple[torch.Tensor, ...]:
    return batch.split(-(-len(batch) // count))
