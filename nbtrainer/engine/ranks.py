"""The other ranks of a run, as rank 0 works with them: batches and validation images are divided among all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import numpy as np
import torch

from nbtrainer.data.views import Slices
from nbtrainer.engine.batches import Batch
from nbtrainer.engine.distributed import (
    Announce,
    Answered,
    End,
    FreeMemory,
    Prepare,
    RankGroup,
    RankLostError,
    Reply,
    Score,
    Scores,
    flat_weights,
    name_of_card,
    pieces_of,
)
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.micro_batches import what_parts_change
from nbtrainer.engine.progress import Emit
from nbtrainer.engine.validate import ScoredRegion, Validator
from nbtrainer.runs import events

_T = TypeVar("_T")


class Ranks:
    """Ranks 1 to `size` - 1, which wait for what rank 0 asks of them."""

    def __init__(self, group: RankGroup) -> None:
        self.group = group
        self.size = group.size
        self._scored = 0
        self._has_ended = False

    def prepare(self, job: TrainingJob, record: dict[str, Any] | None, emit: Emit) -> None:
        """Let the others build what `job` has, and divide its steps and validations among all from now on.

        Raises `RankLostError` if one of them cannot, or trains on another kind of device.
        """
        from nbtrainer.engine.rank_stepper import RankStepper  # knows this module

        split = job.survey.split
        state = {} if record is None else record["resume"]
        self.group.broadcast(
            Prepare(
                folder=str(job.directory.path),
                config=job.config.model_dump(),
                record=record
                and {
                    "resume": {name: state[name] for name in ("split", "files") if name in state},
                    "config": record["config"],
                },
                training=[pair.name for pair in split.train],
                validation=[pair.name for pair in split.validation],
            )
        )
        own, cards = self.together(lambda: name_of_card(job.device))
        others = sorted({card.partition(" ")[0] for card in cards} - {job.device.type})
        if others:
            wrong = f"rank 0 trains on {job.device.type}, others on {', '.join(others)}"
            raise RankLostError(f"{wrong}: each process on a machine needs a graphics card of its own")
        are_shared = len({own, *cards}) <= len(cards)
        self.group.broadcast(are_shared)
        self.group.use_cards(job.device, are_shared=are_shared)
        job.ranks = self
        job.stepper = RankStepper.of(job, self)
        job.stepper.warn = lambda words: emit(events.Warned(text=words))
        job.validator.score_regions = self.score_regions
        if (words := what_parts_change(job.network)) != "":
            job.notes.append(events.Noted(text=f"{self.size} processes share each batch: {words}"))
        if job.compile_from_step is not None:
            job.compile_from_step = None
            job.notes.append(events.Noted(text="the network is not compiled: that is for runs of one process"))

    def own_numbers(self, job: TrainingJob, step: int) -> list[int]:
        """The patches that rank 0 makes for `step`."""
        return [number for pieces in self.pieces(job, step) for number in pieces[0]]

    def pieces(self, job: TrainingJob, step: int) -> list[list[range]]:
        """The patches of `step`: its batches, and of each the numbers for every rank."""
        return pieces_of(job.clock.patch_numbers(step), batches=job.stepper.accumulate, size=self.size)

    def announce(self, job: TrainingJob, steps: range) -> None:
        """Tell which patches come next, so that they can be made ahead."""
        batches = [pieces for step in steps for pieces in self.pieces(job, step)]
        self.group.broadcast(Announce(batches=batches, hard=job.patches.sampler.hard))

    def together(
        self, work: Callable[[], _T], then: Callable[[list[Any]], object] = lambda values: None
    ) -> tuple[_T, list[Any]]:
        """What `work` returns here, and what the other ranks answer; all are told whether to go on.

        `then` is done before that with the answers. Raises what fails here, an error of memory if another rank has too
        little, and `RankLostError` if one fails otherwise.
        """
        error: BaseException | None = None
        result: Any = None
        try:
            result = work()
        except BaseException as failure:
            error = failure
        replies = self.group.gather(Reply())[1:]
        failed = next(((rank, reply) for rank, reply in enumerate(replies, 1) if reply.error), None)
        if error is None and failed is None:
            try:
                then([reply.value for reply in replies])
            except BaseException as failure:
                error = failure
        self.group.broadcast(error is None and failed is None)
        try:
            if error is not None:
                raise error
            if failed is not None:
                raise _error_of(*failed)
        finally:
            del error  # it holds the memory that the next attempt needs
        return result, [reply.value for reply in replies]

    def score_regions(
        self,
        validator: Validator,
        regions: list[tuple[int, Slices | None]],
        *,
        keep: Collection[int],
        report: Callable[[int, int], None],
        is_stopped: Callable[[], bool],
    ) -> list[ScoredRegion] | None:
        """As `validate.score_regions`, every rank its share; in the order of `regions`."""
        self._scored += 1
        cancel = f"cancel-{self._scored}"
        weights = flat_weights(validator.network)
        self.group.broadcast(Score(regions=regions, keep=frozenset(keep), cancel=cancel))
        self.group.broadcast_tensor(weights)

        def own() -> Scores | None:
            scored = []
            try:
                for done, (index, region) in enumerate(regions[:: self.size]):
                    report(done * self.size, len(regions))
                    if is_stopped():
                        self.group.store.set(cancel, "1")
                        return None
                    scored.append(validator.score_region(index, region, keeps=index in keep))
            except BaseException:
                self.group.store.set(cancel, "1")
                raise
            return Scores(regions=scored, warnings=[])

        here, others = self.together(own)
        shares: list[Scores | None] = [here, *others]
        scores = [share for share in shares if share is not None]
        if len(scores) < len(shares):
            return None
        for sentence in (sentence for share in scores for sentence in share.warnings):
            if validator.tell is not None:
                validator.tell(sentence)
        return [scores[at % self.size].regions[at // self.size] for at in range(len(regions))]

    def free_memory(self) -> None:
        """Let the others give back the memory of their devices, until the next step."""
        self.group.broadcast(FreeMemory())

    def end(self, folder: str) -> None:
        """Let the others go; nothing keeps this from returning."""
        if not self._has_ended:
            self._has_ended = True
            try:
                self.group.broadcast(End(folder=folder))
            except RankLostError:  # then they go by themselves
                return


def joined(batch: Batch, answers: list[list[Answered | None]], lengths: list[int]) -> Batch:
    """`batch`, made here, with what the patches of other ranks show, in the order of their numbers.

    `answers`: for each batch of the step, those of the ranks above 0; `lengths`: how many patches of each are made here.
    """
    starts = [int(start) for start in np.cumsum([0, *lengths])]
    content, own = [], batch.summary
    locations = []
    for start, length, others in zip(starts, lengths, answers, strict=False):
        content += own[start : start + length]
        locations += batch.locations[start : start + length]
        for each in others:
            if each is not None:
                content += each.contents
                locations += each.locations
    return batch.with_contents(locations, content)


def _error_of(rank: int, reply: Reply) -> Exception:
    if reply.is_out_of_memory:
        return torch.OutOfMemoryError(f"on rank {rank}: {reply.error}")
    return RankLostError(f"rank {rank} failed: {reply.error}")
