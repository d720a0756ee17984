"""What ranks above 0 do: answer the requests of rank 0, until the run has ended."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch

from nbtrainer.config import Config
from nbtrainer.engine.batches import Batch
from nbtrainer.engine.build import build
from nbtrainer.engine.distributed import (
    Announce,
    Answered,
    End,
    FreeMemory,
    Prepare,
    RankGroup,
    Reply,
    Score,
    Scores,
    Step,
    flat_gradients,
    flat_weights,
    name_of_card,
    set_flat_weights,
)
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.micro_batches import Answers
from nbtrainer.engine.progress import StopHeardError
from nbtrainer.inference.device import autocast, free_cached_memory
from nbtrainer.models.recomputing import Recomputing
from nbtrainer.runs import Run, RunDirectory, attach
from nbtrainer.runs.signals import ENDING_SIGNALS


def serve(group: RankGroup) -> Run:
    """Answer rank 0 until its run has ended, and return that run. Raises what rank 0 was refused with, and
    `RankLostError` if it is gone."""
    if threading.current_thread() is threading.main_thread():
        # sent to all processes of a run: rank 0 saves, and needs the others for its last step
        for number in (signal.SIGINT, *ENDING_SIGNALS):
            signal.signal(number, signal.SIG_IGN)
    server: _Server | None = None
    while True:
        match group.broadcast():
            case Prepare() as request:
                server = _Server(group, request)
            case End() as end:
                if end.error is not None:
                    raise end.error
                return attach(end.folder)
            case request if server is not None:
                server.answer(request)


class _Server:
    """The objects of a run on one rank above 0; weights come with each request that needs them."""

    def __init__(self, group: RankGroup, request: Prepare) -> None:
        self._group = group
        self._coming: deque[range] = deque()
        self._made: dict[range, Future[Batch]] = {}
        self._newest: tuple[range, Batch] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._job: TrainingJob

        def prepare() -> str:
            directory = RunDirectory(Path(request.folder))
            self._job = build(Config.of(request.config), directory, request.record)
            split = self._job.survey.split
            names = [[pair.name for pair in pairs] for pairs in (split.train, split.validation)]
            if names != [request.training, request.validation]:
                raise ValueError(
                    "it finds other images than rank 0: every machine needs the same data in the same place"
                )
            if self._job.workers:
                self._pool = ThreadPoolExecutor(self._job.workers, thread_name_prefix="nbtrainer-patches")
            return name_of_card(self._job.device)

        if self._reply(prepare):
            group.use_cards(self._job.device, are_shared=group.broadcast())

    def answer(self, request: object) -> None:
        """Do what rank 0 asks for."""
        match request:
            case Announce():
                self._coming = deque(pieces[self._group.rank] for pieces in request.batches)
                self._made, self._newest = {}, None
                self._job.patches.sampler.hard = request.hard
            case Step():
                self._take_part(request)
            case Score():
                self._score(request)
            case FreeMemory():
                self._job.network.to("cpu")
                free_cached_memory(self._job.device)

    def _reply(self, work: Callable[[], object]) -> bool:
        """Answer with what `work` returns, or why it failed; whether all ranks go on."""
        try:
            reply = Reply(value=work())
        except Exception as error:  # rank 0 tells it, and ends or tries again
            reply = Reply.of(error)
        if reply.is_out_of_memory:
            free_cached_memory(self._job.device)
        self._group.gather(reply)
        return bool(self._group.broadcast())

    def _receive_weights(self) -> None:
        network = self._job.network.to(self._job.device)
        set_flat_weights(network, self._group.broadcast_tensor(flat_weights(network)))

    def _take_part(self, request: Step) -> None:
        """Logits and targets to rank 0, the gradient of the loss back, and the gradients of the weights to rank 0."""
        job, group = self._job, self._group
        if request.is_first:
            self._receive_weights()
        if isinstance(job.network, Recomputing):
            job.network.recomputes = request.recomputes
        job.network.train()
        job.network.zero_grad(set_to_none=True)
        numbers = request.pieces[group.rank]
        share = len(numbers) / sum(map(len, request.pieces))
        answers = _OwnAnswers()

        def forward() -> Answered | None:
            if not numbers:
                return None
            batch = self._batch(numbers)
            torch.manual_seed(request.seed + group.rank)  # dropout differs from rank to rank, and not after a resume
            answers.calculate(job, batch, request.micro_batches)
            return Answered(
                logits=tuple(answers.logits.shape),
                targets=tuple(batch.targets.shape),
                target_type=batch.targets.dtype,
                locations=batch.locations,
                contents=batch.summary,
                warning=batch.warning,
            )

        if not self._reply(forward):
            return
        if numbers:
            group.send(answers.logits.detach(), 0)
            group.send(self._batch(numbers).targets, 0)
        if not group.broadcast():
            return
        gradient = group.receive(torch.empty_like(answers.logits), 0) if numbers else None
        if self._reply(lambda: answers.lead_back(gradient) if gradient is not None else None):
            group.add_up(flat_gradients(job.network, share))

    def _batch(self, numbers: range) -> Batch:
        """The patches of these numbers; those that come next are made ahead in threads, if there are any."""
        if self._newest is None or self._newest[0] != numbers:
            made = self._made.pop(numbers, None)
            batch = self._make(numbers) if made is None else made.result()
            self._newest = numbers, batch
            while self._coming and self._coming.popleft() != numbers:
                pass
            if self._pool is not None:
                most = min(2 * self._job.workers, self._job.batches_ahead)
                for piece in [piece for piece in list(self._coming)[:most] if piece and piece not in self._made]:
                    self._made[piece] = self._pool.submit(self._make, piece)
        return self._newest[1]

    def _make(self, numbers: range) -> Batch:
        return self._job.batches.make(numbers, self._job.task)

    def _score(self, request: Score) -> None:
        """The scores of this rank's share of the regions, until rank 0 wants them no more."""
        self._receive_weights()
        job, group = self._job, self._group

        def check() -> None:
            if group.store.check([request.cancel]):
                raise StopHeardError

        warnings: list[str] = []
        validator = dataclasses.replace(job.validator, network=job.network, check=check, tell=warnings.append)

        def score() -> Scores | None:
            try:
                scored = []
                for index, region in request.regions[group.rank :: group.size]:
                    check()
                    scored.append(validator.score_region(index, region, keeps=index in request.keep))
                return Scores(regions=scored, warnings=warnings)
            except StopHeardError:
                return None

        self._reply(score)


class _OwnAnswers:
    """Logits of this rank's patches, and the way back to the weights."""

    def __init__(self) -> None:
        self.logits = torch.zeros(0)
        self._parts: Answers | None = None

    def calculate(self, job: TrainingJob, batch: Batch, micro_batches: int) -> None:
        def forward(images: torch.Tensor) -> torch.Tensor:
            with autocast(job.device, job.config.training.precision):
                return job.network(images)

        if micro_batches > 1:
            length = -(-len(batch.images) // micro_batches)
            self._parts = Answers(job.network, forward=forward, parts=batch.images.split(length))
            self.logits = self._parts.logits
        else:
            self.logits = forward(batch.images).float()

    def lead_back(self, gradient: torch.Tensor) -> None:
        if self._parts is None:
            self.logits.backward(gradient)
        else:
            self.logits.grad = gradient
            self._parts.backward()
