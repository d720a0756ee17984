"""Several processes that train one run: how ranks find each other, and what rank 0 asks of the others.

Rank 0 trains, decides and writes, as a run of one process does; the other ranks answer its requests (`rank_server`), and
decide nothing. So no two can disagree about a stop, a pause, a budget or a batch in parts, and none waits for another that
has gone on. Requests and replies go through gloo, tensors through NCCL where networks are on NVIDIA cards.
"""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.rendezvous import rendezvous

from nbtrainer.data.patch_sampler import PatchLocation
from nbtrainer.data.sampling_log import PatchContent
from nbtrainer.data.views import Slices
from nbtrainer.engine.validate import ScoredRegion
from nbtrainer.errors import ComputerError
from nbtrainer.inference.device import is_out_of_memory

# ranks wait as long as a run is paused; gloo counts milliseconds in 32 bits
_LONGEST_WAIT = datetime.timedelta(days=20)
_REMEDY = "Resume the run: it goes on from its last checkpoint"


class RankLostError(ComputerError):
    """Another process of the run ended, or does not answer any more."""

    def __init__(self, wrong: str) -> None:
        super().__init__("training.processes", wrong, _REMEDY)


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Build the objects of the run in `folder` from its complete settings. `record`: of its checkpoint what the split needs.

    `training` and `validation`: names of the images that rank 0 found.
    """

    folder: str
    config: dict[str, Any]
    record: dict[str, Any] | None
    training: list[str]
    validation: list[str]


@dataclass(frozen=True, kw_only=True)
class Announce:
    """The batches that come next, each as the patch numbers of every rank, and what patches depend on besides."""

    batches: list[list[range]]
    hard: list[PatchLocation]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Take part in a batch: `pieces` are the patch numbers of every rank; weights follow if the batch `is_first` in its
    step. `seed`: of dropout."""

    pieces: list[range]
    is_first: bool
    micro_batches: int
    recomputes: bool
    seed: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """Score every `size`-th of the regions with weights that follow; outputs for images in `keep` come with it.

    `cancel`: the key that rank 0 sets if it is no longer wanted.
    """

    regions: list[tuple[int, Slices | None]]
    keep: frozenset[int]
    cancel: str


@dataclass(frozen=True, kw_only=True)
class FreeMemory:
    """Move off the device, until the next request that needs it."""


@dataclass(frozen=True, kw_only=True)
class End:
    """The run in `folder` has ended, or was refused because of `error`."""

    folder: str = ""
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a rank answers to a batch: shapes of its logits and targets, which follow, and what its patches show."""

    logits: tuple[int, ...]
    targets: tuple[int, ...]
    target_type: torch.dtype
    locations: list[PatchLocation]
    contents: list[PatchContent]
    warning: str


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a rank answers to `Score`: its regions, scored, and sentences about what memory did not suffice for."""

    regions: list[ScoredRegion]
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a rank answers: a value, or in words why there is none."""

    value: Any = None
    error: str = ""
    is_out_of_memory: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Reply:
        return cls(error=f"{type(error).__name__}: {error}", is_out_of_memory=is_out_of_memory(error))


@dataclass(kw_only=True)
class RankGroup:
    """The processes of a run, seen from rank `rank` of `size`.

    `store` is torch's, of keys that all see. `explain` says in words why another process is gone, where somebody knows.
    """

    rank: int
    size: int
    store: Any
    explain: Callable[[], str] = lambda: ""
    _cards: dist.ProcessGroup | None = field(default=None, init=False)

    @classmethod
    def join(cls) -> RankGroup:
        """The group that the environment (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) names; waits for all of it."""
        store, rank, size = next(rendezvous("env://", timeout=_LONGEST_WAIT))
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=_LONGEST_WAIT)
        return cls(rank=rank, size=size, store=store)

    def use_cards(self, device: torch.device, *, are_shared: bool) -> None:
        """Send tensors from card to card from now on, where `device` is one; every rank has to call it.

        `are_shared`: whether two ranks have one card, between which NCCL sends nothing.
        """
        if device.type == "cuda" and dist.is_nccl_available() and self._cards is None and not are_shared:
            with self._watched():
                self._cards = dist.new_group(backend="nccl", timeout=_LONGEST_WAIT)

    def broadcast(self, value: Any = None) -> Any:
        """What rank 0 says."""
        box = [value]
        with self._watched():
            dist.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, reply: Reply) -> list[Reply]:
        """What every rank answers, in their order; nothing on other ranks than 0."""
        replies: list[Any] | None = [None] * self.size if self.rank == 0 else None
        with self._watched():
            dist.gather_object(reply, replies, dst=0)
        return replies or []

    def broadcast_tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """`tensor` of rank 0; of the same shape everywhere."""
        return self._exchange(tensor, lambda moved: dist.broadcast(moved, src=0, group=self._cards))

    def add_up(self, tensor: torch.Tensor) -> torch.Tensor:
        """On rank 0 the sum of all; of the same shape everywhere."""
        return self._exchange(tensor, lambda moved: dist.reduce(moved, dst=0, group=self._cards))

    def send(self, tensor: torch.Tensor, rank: int) -> None:
        self._exchange(tensor, lambda moved: dist.send(moved, dst=rank, group=self._cards))

    def receive(self, into: torch.Tensor, rank: int) -> torch.Tensor:
        return self._exchange(into, lambda moved: dist.recv(moved, src=rank, group=self._cards))

    def _exchange(self, tensor: torch.Tensor, exchange: Callable[[torch.Tensor], object]) -> torch.Tensor:
        # gloo knows the memory of the processor only
        moved = tensor.contiguous() if self._cards is not None else tensor.cpu().contiguous()
        with self._watched():
            exchange(moved)
        return moved.to(tensor.device)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, EOFError) as error:
            why = self.explain() or f"another process of the run ended or cannot be reached ({error})"
            raise RankLostError(why) from error


def pieces_of(numbers: range, *, batches: int, size: int) -> list[list[range]]:
    """The patches of a step in `batches` batches, each divided among `size` ranks in order; the last may have none.

    >>> pieces_of(range(10, 15), batches=1, size=2)
    [[range(10, 13), range(13, 15)]]
    """
    length = -(-len(numbers) // batches)
    return [_divided(numbers[start : start + length], size) for start in range(0, len(numbers), length)]


def _divided(numbers: range, size: int) -> list[range]:
    least, more = divmod(len(numbers), size)
    lengths = [least + (rank < more) for rank in range(size)]
    starts = [sum(lengths[:rank]) for rank in range(size)]
    return [numbers[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def flat_weights(network: nn.Module) -> torch.Tensor:
    """Weights and running statistics of a network as one vector, float32."""
    return _flat(_tensors(network))


def set_flat_weights(network: nn.Module, values: torch.Tensor) -> None:
    """The inverse of `flat_weights`."""
    with torch.no_grad():
        _spread(values, _tensors(network), lambda tensor, value: tensor.copy_(value))


def flat_gradients(network: nn.Module, share: float) -> torch.Tensor:
    """Gradients of the weights (0 where there is none), and running statistics times `share`, as one vector."""
    gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in network.parameters()]
    return _flat([*gradients, *(share * statistic for statistic in _statistics(network))])


def add_flat_gradients(network: nn.Module, values: torch.Tensor, share: float) -> None:
    """Add those of other ranks to the network's own; its running statistics count for `share`."""
    own = [weights.grad for weights in network.parameters()]
    sizes = [weights.numel() for weights in network.parameters()]
    vectors = values.split([*sizes, values.numel() - sum(sizes)])
    with torch.no_grad():
        for gradient, vector in zip(own, vectors, strict=False):
            if gradient is not None:  # else the weights are frozen
                gradient += vector.view(gradient.shape)
        _spread(vectors[-1], _statistics(network), lambda tensor, value: tensor.mul_(share).add_(value))


def _statistics(network: nn.Module) -> list[torch.Tensor]:
    return [buffer for buffer in network.buffers() if buffer.is_floating_point()]


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    return [*network.parameters(), *_statistics(network)]


def _flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])


def _spread(values: torch.Tensor, tensors: Sequence[torch.Tensor], enter: Callable[..., object]) -> None:
    for tensor, value in zip(tensors, values.split([tensor.numel() for tensor in tensors]), strict=True):
        enter(tensor, value.view(tensor.shape))


def name_of_card(device: torch.device) -> str:
    """The kind of a device, and of an NVIDIA card which one of all machines it is."""
    if device.type != "cuda":
        return device.type
    return f"cuda {socket.gethostname()} {torch.cuda.get_device_properties(device).uuid}"


def joined_group() -> RankGroup:
    """The group of this process; joined when it is asked for first, and kept: a script may train several runs."""
    global _group
    if _group is None:
        _choose_card()
        _group = RankGroup.join()
    return _group


def _choose_card() -> None:
    """See one card only, the one of this rank, where torchrun started several on a machine: it is `cuda` then."""
    local = int(os.environ.get("LOCAL_RANK", 0))
    cards = [card for card in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if card]
    if torch.cuda.is_initialized() or len(cards) == 1 or int(os.environ.get("LOCAL_WORLD_SIZE", 1)) == 1:
        return
    os.environ["CUDA_VISIBLE_DEVICES"] = cards[local] if local < len(cards) else str(local)


_group: RankGroup | None = None
