"""A step whose batches are divided among ranks: the loss of the whole batch, as one process calculates it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import torch

from nbtrainer.engine.batches import Batch
from nbtrainer.engine.distributed import Answered, Step, add_flat_gradients, flat_gradients, flat_weights
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.micro_batches import Answers
from nbtrainer.engine.ranks import Ranks, joined
from nbtrainer.engine.stepper import Stepper, split_evenly
from nbtrainer.metrics import ConfusionCounts
from nbtrainer.models.recomputing import Recomputing


@dataclass(kw_only=True)
class RankStepper(Stepper):
    """The stepper of rank 0, which takes the images and targets of its own patches.

    A mean of the losses of the ranks would be another loss (see `micro_batches`): all logits come here, the loss is that of
    the whole batch, and its gradient at the logits of each rank goes back there. Only this rank has an optimizer.
    """

    ranks: Ranks
    job: TrainingJob
    warn: Callable[[str], None] = lambda words: None
    _answered: list[list[Answered | None]] = field(default_factory=list, init=False)
    _lengths: list[int] = field(default_factory=list, init=False)

    @classmethod
    def of(cls, job: TrainingJob, ranks: Ranks) -> Self:
        """Takes the place of the stepper of `job`."""
        own = {each.name: getattr(job.stepper, each.name) for each in dataclasses.fields(Stepper) if each.init}
        stepper = cls(ranks=ranks, job=job, **own)
        stepper.scaler = job.stepper.scaler
        return stepper

    def whole(self, batch: Batch) -> Batch:
        return joined(batch, self._answered, self._lengths)

    def _add_gradients(
        self, images: torch.Tensor, targets: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, ConfusionCounts]]:
        batches = self.ranks.pieces(self.job, self.job.clock.step)
        self._answered, self._lengths = [], [len(pieces[0]) for pieces in batches]
        total = sum(len(piece) for pieces in batches for piece in pieces)
        own = zip(images.split(self._lengths), targets.split(self._lengths), strict=True)
        for number, (pieces, (batch, truth)) in enumerate(zip(batches, own, strict=True)):
            self._ask(pieces, is_first=number == 0)
            yield self._add_shared_gradient(batch, truth, pieces=pieces, share=sum(map(len, pieces)) / total)

    def _ask(self, pieces: list[range], is_first: bool) -> None:
        group = self.ranks.group
        step = Step(
            pieces=pieces,
            is_first=is_first,
            micro_batches=self.micro_batches,
            recomputes=isinstance(self.network, Recomputing) and self.network.recomputes,
            seed=(self.job.config.training.seed + 1_000 * self.job.clock.step) % 2**31,
        )
        weights = flat_weights(self.network) if is_first else None
        group.broadcast(step)
        if weights is not None:
            group.broadcast_tensor(weights)

    def _add_shared_gradient(
        self, images: torch.Tensor, targets: torch.Tensor, *, pieces: list[range], share: float
    ) -> tuple[torch.Tensor, ConfusionCounts]:
        """Add the gradient of a batch that all ranks answer, which has this `share` of the step."""
        group, parts = self.ranks.group, self.micro_batches
        buffers: list[tuple[torch.Tensor, torch.Tensor]] = []

        def forward() -> Answers | torch.Tensor:
            if parts > 1:
                return Answers(self.network, forward=self._answer, parts=split_evenly(images, parts))
            return self._answer(images).float()

        def make_buffers(answered: list[Answered | None]) -> None:
            for each in filter(None, answered):
                logits = torch.empty(each.logits, device=self.device)
                buffers.append((logits, torch.empty(each.targets, dtype=each.target_type, device=self.device)))

        answers, answered = self.ranks.together(forward, make_buffers)
        own = answers.logits if isinstance(answers, Answers) else answers
        present = [rank for rank, piece in enumerate(pieces) if rank and piece]
        received = [
            (group.receive(logits, rank), group.receive(truth, rank))
            for rank, (logits, truth) in zip(present, buffers, strict=True)
        ]
        loss, logits, truth = self._judge_safely(own, targets=targets, received=received, share=share)
        gradients: Any = logits.grad
        own_gradient, *others = gradients.split([len(own), *(len(each) for each, _ in received)])
        for rank, gradient in zip(present, others, strict=True):
            group.send(gradient, rank)

        def lead_back() -> torch.Tensor:
            _lead_back(answers, own_gradient)
            return torch.zeros_like(flat_gradients(self.network, share=0.0))

        others_gradients = group.add_up(self.ranks.together(lead_back)[0])
        add_flat_gradients(self.network, others_gradients, share=len(own) / len(logits))
        counts = self._record(logits.detach(), targets=truth, share=share)
        self._answered.append(answered)
        for each in filter(None, answered):
            if each.warning:
                self.warn(each.warning)
        return loss.detach(), counts

    def _judge_safely(
        self,
        own: torch.Tensor,
        *,
        targets: torch.Tensor,
        received: list[tuple[torch.Tensor, torch.Tensor]],
        share: float,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The share of the loss of all logits, these with their gradient, and all targets; others hear if it fails."""
        is_done = False
        try:
            logits = torch.cat([own.detach(), *(each for each, _ in received)]).requires_grad_()
            truth = torch.cat([targets, *(each for _, each in received)])
            loss = share * self.loss(logits, truth)
            self.scaler.scale(loss).backward()
            is_done = True
        finally:
            self.ranks.group.broadcast(is_done)
        return loss, logits, truth


def _lead_back(answers: Answers | torch.Tensor, gradient: torch.Tensor) -> None:
    if isinstance(answers, Answers):
        answers.logits.grad = gradient
        answers.backward()
    else:
        answers.backward(gradient)
