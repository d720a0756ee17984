"""One optimizer step; the same step in smaller parts when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from nbtrainer import metrics
from nbtrainer.engine.batches import Batch
from nbtrainer.engine.micro_batches import Answers
from nbtrainer.errors import ComputerError
from nbtrainer.inference.device import (
    autocast,
    end_step,
    free_cached_memory,
    is_out_of_memory,
    random_state,
    set_random_state,
)
from nbtrainer.metrics import ConfusionCounts, PixelPredictions
from nbtrainer.models.recomputing import Recomputing


@dataclass(kw_only=True)
class Stepper:
    """Network, loss and optimizer on one device.

    `pixel_predictions` says what of output and targets pixel scores compare; `micro_batches`: how many parts each batch is
    done in. `accumulate`: how many batches a step has, whose gradients are added; `max_gradient_norm`: what longer
    gradients are shortened to, 0: none.
    """

    network: nn.Module
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    precision: str
    pixel_predictions: Callable[[torch.Tensor, torch.Tensor], PixelPredictions]
    split_on_oom: bool = True
    micro_batches: int = 1
    accumulate: int = 1
    max_gradient_norm: float = 0.0
    on_batch_split: Callable[[int, int], None] = lambda patches, parts: None
    scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")
        # mean error of the probabilities in each patch of the last batch
        self.patch_errors = torch.zeros(0)
        # parts of the loss of the last batch, for losses that tell them
        self.terms: dict[str, torch.Tensor] = {}
        self.forward: Callable[[torch.Tensor], torch.Tensor] = self.network

    def step(
        self, images: torch.Tensor, targets: torch.Tensor, learning_rate: float
    ) -> tuple[torch.Tensor, ConfusionCounts]:
        """One step on a batch (B, C, [Z,] Y, X): its loss, and the counts of its pixels.

        When memory runs out the same step is done again with a network that keeps less, if it can, then in twice as many
        parts (see `micro_batches`). Raises `ComputerError` with advice when one patch alone is too large, or parts are not
        wanted.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group.get("rate_share", 1.0)
        before = self._state()
        while True:
            try:
                return self._attempt(images, targets)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            if self.device.type == "xla":  # what was done to the weights is part of the program that failed
                remedy = "Reduce the batch size or the patch size, then resume the run: a TPU cannot do a step in parts"
                raise ComputerError("training.batch_size", "the memory of the TPU ran out", remedy)
            # outside the except block: the traceback held the memory that the next attempt needs
            self._split_batch(-(-len(images) // self.accumulate))
            self.forward = self.network  # compiled for the whole batch
            self._go_back_to(before)

    def try_out(self, forward: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> None:
        """Run `forward` forth and back once, as a step does, and leave no trace: to see whether it works.

        In training mode: what is compiled for another is compiled again, inside a step.
        """
        before = self._state()
        self.network.train()
        with autocast(self.device, self.precision):
            answer = forward(images)
        answer.float().sum().backward()
        self.optimizer.zero_grad(set_to_none=True)
        self._go_back_to(before)

    @property
    def is_short_of_memory(self) -> bool:
        """Whether steps are done in a way that saves memory."""
        return self.micro_batches > 1 or (isinstance(self.network, Recomputing) and self.network.recomputes)

    def _attempt(self, images: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ConfusionCounts]:
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        self.patch_errors, self.terms = torch.zeros(0, device=self.device), {}
        total, counts = torch.zeros((), device=self.device), ConfusionCounts()
        for loss, counted in self._add_gradients(images, targets):
            total, counts = total + loss, counts + counted
        if self.max_gradient_norm > 0:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        end_step(self.device)
        return total, counts

    def _add_gradients(
        self, images: torch.Tensor, targets: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, ConfusionCounts]]:
        """Add the gradients of all batches of the step; of each its share of the loss, and the counts of its pixels."""
        batches = zip(split_evenly(images, self.accumulate), split_evenly(targets, self.accumulate), strict=True)
        for batch, truth in batches:
            yield self._add_gradient(batch, truth, share=len(batch) / len(images))

    def _add_gradient(
        self, images: torch.Tensor, targets: torch.Tensor, share: float
    ) -> tuple[torch.Tensor, ConfusionCounts]:
        """Add the gradient of one batch, which has this `share` of the step, and return its share of the loss."""
        answers = (
            Answers(self.network, self._answer, split_evenly(images, self.micro_batches))
            if self.micro_batches > 1
            else None
        )
        logits = self._answer(images).float() if answers is None else answers.logits
        loss = share * self.loss(logits, targets)
        self.scaler.scale(loss).backward()
        if answers is not None:
            answers.backward()
        return loss.detach(), self._record(logits.detach(), targets=targets, share=share)

    def _record(self, logits: torch.Tensor, *, targets: torch.Tensor, share: float) -> ConfusionCounts:
        """Note the errors of patches and the parts of the loss; the counts of pixels."""
        with torch.no_grad():
            pixels = self.pixel_predictions(logits, targets)
            errors = (pixels.probability - pixels.target).abs().nan_to_num().flatten(1).mean(1)
            counts = metrics.count(pixels)
        self.patch_errors = torch.cat([self.patch_errors, errors])
        for name, value in getattr(self.loss, "terms", {}).items():
            self.terms[name] = self.terms.get(name, 0.0) + share * value
        return counts

    def whole(self, batch: Batch) -> Batch:
        """What the last step was done on, where `batch` was made for it here."""
        return batch

    def _answer(self, images: torch.Tensor) -> torch.Tensor:
        with autocast(self.device, self.precision):
            return self.forward(images)

    def _state(self) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
        """What a forward pass changes: random numbers, and the running statistics of the network."""
        return random_state(self.device), [buffer.clone() for buffer in self.network.buffers()]

    def _go_back_to(self, state: tuple[dict[str, torch.Tensor], list[torch.Tensor]]) -> None:
        set_random_state(state[0], self.device)
        with torch.no_grad():
            for buffer, before in zip(self.network.buffers(), state[1], strict=True):
                buffer.copy_(before)

    def _split_batch(self, patches: int) -> None:
        with contextlib.suppress(RuntimeError):
            self.optimizer.zero_grad(set_to_none=True)
        free_cached_memory(self.device)
        recomputing = self.network if isinstance(self.network, Recomputing) and not self.network.recomputes else None
        if not self.split_on_oom or (self.micro_batches >= patches and recomputing is None):
            raise ComputerError(
                "training.batch_size" if not self.split_on_oom else "sampling.patch_size",
                "memory ran out" + ("" if not self.split_on_oom else " even with one patch at a time"),
                "Reduce the batch size or tick 'Reduce batch on out-of-memory'"
                if not self.split_on_oom
                else "Reduce the patch height and width, or the features of the network, or use a machine with more memory",
            )
        if recomputing is not None:  # exact, where parts are not
            recomputing.recomputes = True
            self.on_batch_split(patches, 1)
            return
        self.micro_batches = min(patches, self.micro_batches * 2)
        self.on_batch_split(-(-patches // self.micro_batches), self.micro_batches)


def split_evenly(batch: torch.Tensor, count: int) -> tuple[torch.Tensor, ...]:
    """`batch` in at most `count` parts, the last of which may be smaller."""
    return batch.split(-(-len(batch) // count))
