"""Which weights of a file go where in a network: by name, or in their order where names are of another library."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from nbtrainer.models.create import create_without_memory

# what training loops and libraries put before the names of a network
_WRAPPERS = ("module.", "_orig_mod.", "model.", "network.", "net.", "encoder.")
# counts batches of before, and needs not be there
COUNTER = "num_batches_tracked"
# in their order so many of the arrays must fit, or the match would be chance
_AGREEING = 0.9
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Shape:
    """The arrays of a network by name: their shapes, those that follow from the channels of images, and of the output."""

    arrays: Shapes
    first: frozenset[str]
    last: frozenset[str]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Shape:
        """Of the network that `models.create(**settings)` builds; most without memory for it."""
        arrays = _shapes(settings)
        wider = _shapes({**settings, "output_channels": settings["output_channels"] + 1})
        last = {name for name, shape in arrays.items() if wider.get(name) != shape}
        repainted = 1 if settings.get("reconstructs_input") else 0  # such an output holds the image
        more = _shapes(
            {
                **settings,
                "input_channels": settings["input_channels"] + 1,
                "output_channels": settings["output_channels"] + repainted,
            }
        )
        first = {name for name, shape in arrays.items() if more.get(name) != shape} - last
        return cls(arrays, frozenset(first), frozenset(last))


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Weights that are taken over, by their name in the network; of layers: those that are adapted to another number of
    channels, and those that begin anew; of the file: names that are not used. `in_order`: names did not agree."""

    weights: Mapping[str, torch.Tensor] = field(repr=False)
    adapted: list[str]
    anew: list[str]
    unused: list[str]
    in_order: bool

    @property
    def taken(self) -> list[str]:
        return list(self.weights)

    def begins_anew(self, shape: Shape) -> list[str]:
        """Of the layers that begin anew those that are neither first nor last: which nobody would expect."""
        expected = set(_layers_of(shape.first | shape.last))
        return [layer for layer in self.anew if layer not in expected]


def match_weights(
    weights: Mapping[str, torch.Tensor], shape: Shape, *, with_last: bool = True, in_order: bool = False
) -> Transfer:
    """Which of `weights` fit into a network of this `shape`.

    A layer is taken as a whole or not at all. The first one is adapted to another number of channels (see
    `adapted_to_channels`; normalization before it is repeated, or averaged for one channel).

    Parameters
    ----------
    with_last
        Whether the layers that the number of output channels decides are taken, where they fit.
    in_order
        Whether to match arrays by their kind and shape in order, if names do not agree.
    """
    own = {name: each for name, each in shape.arrays.items() if not name.endswith(COUNTER)}
    pairs = _by_name(weights, own=shape.arrays)
    by_order = in_order and sum(name in pairs for name in own) < _AGREEING * len(own)
    if by_order:
        ordered = _in_order(weights, own=own, flexible=shape.first | shape.last)
        by_order = sum(name in ordered for name in own) >= _AGREEING * len(own)
        pairs = ordered if by_order else pairs
    fitting: dict[str, torch.Tensor] = {}
    changed: set[str] = set()
    for name, source in pairs.items():
        given = weights[source]
        if name in shape.last and not with_last:
            continue
        if tuple(given.shape) == shape.arrays[name]:
            fitting[name] = given
        elif name in shape.first and (suited := _adapted(name, given, shape)) is not None:
            fitting[name] = suited
            changed.add(name)
    incomplete = set(_layers_of(name for name in own if name not in fitting))
    taken = {name: fitting[name] for name in shape.arrays if name in fitting and _layer(name) not in incomplete}
    used = {pairs[name] for name in taken}
    return Transfer(
        weights=taken,
        adapted=_layers_of(name for name in taken if name in changed),
        anew=_layers_of(name for name in own if name not in taken),
        unused=[name for name in weights if name not in used and not name.endswith(COUNTER)],
        in_order=by_order,
    )


def adapted_to_channels(weights: torch.Tensor, channels: int) -> torch.Tensor:
    """Weights (K, C, ...) of a first layer for images of another number of `channels`, so that it answers alike.

    For one channel the sum over those that it knew; for more they are repeated, and scaled to their number.

    >>> adapted_to_channels(torch.ones(1, 3, 1), 1).flatten().tolist()
    [3.0]
    >>> adapted_to_channels(torch.ones(1, 3, 1), 4).flatten().tolist()
    [0.75, 0.75, 0.75, 0.75]
    """
    known = weights.shape[1]
    if channels == 1:
        return weights.sum(1, keepdim=True)
    order = [channel % known for channel in range(channels)]
    return weights[:, order] * (known / channels)


def _shapes(settings: Mapping[str, Any]) -> Shapes:
    network = create_without_memory(**settings)
    return {name: tuple(weights.shape) for name, weights in network.state_dict().items()}


def _by_name(weights: Iterable[str], *, own: Iterable[str]) -> dict[str, str]:
    """Names of theirs by ours, without what wraps either: the reading by which most agree."""
    theirs = list(_readings(weights))
    best: dict[str, str] = {}
    for ours in _readings(own):
        for each in theirs:
            pairs = {ours[name]: each[name] for name in ours if name in each}
            if len(pairs) > len(best):
                best = pairs
    return best


def _readings(names: Iterable[str]) -> Iterator[dict[str, str]]:
    """Ways to read `names`: each by what it is called without the wrappers in front of it, step by step."""
    reading = {name: name for name in names}
    while reading:
        yield reading
        prefix = next((each for each in _WRAPPERS if any(name.startswith(each) for name in reading)), "")
        if not prefix:
            return
        reading = {name.removeprefix(prefix): full for name, full in reading.items() if name.startswith(prefix)}


def _in_order(weights: Mapping[str, torch.Tensor], *, own: Shapes, flexible: frozenset[str]) -> dict[str, str]:
    """Names of theirs by ours: the longest runs of arrays of equal kind and shape in both; between them those of
    `flexible`, whose shapes may differ, where as many stand on both sides."""
    theirs = [name for name in weights if not name.endswith(COUNTER)]
    ours = list(own)
    matcher = difflib.SequenceMatcher(
        None,
        [(_array(name), own[name]) for name in ours],
        [(_array(name), tuple(weights[name].shape)) for name in theirs],
        autojunk=False,
    )
    pairs: dict[str, str] = {}
    for kind, start, end, their_start, their_end in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and end - start == their_end - their_start):
            between = zip(ours[start:end], theirs[their_start:their_end], strict=True)
            pairs |= {name: source for name, source in between if kind == "equal" or name in flexible}
    return pairs


def _adapted(name: str, given: torch.Tensor, shape: Shape) -> torch.Tensor | None:
    """Weights of a first layer, or the normalization before it, for our number of channels; None if they differ else."""
    own = shape.arrays[name]
    if given.ndim != len(own) or given.ndim == 0 or given.numel() == 0:
        return None
    if given.ndim == 1:
        # what stands before a first layer has one value a channel
        if own[0] == 1:
            return given.mean(0, keepdim=True)
        return given[[channel % len(given) for channel in range(own[0])]]
    if (given.shape[0], *given.shape[2:]) != (own[0], *own[2:]):
        return None
    return adapted_to_channels(given, own[1])


def _array(name: str) -> str:
    return name.rpartition(".")[2]


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _layers_of(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(_layer(name) for name in names))
