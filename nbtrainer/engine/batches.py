"""Batches for training: patches and their targets, made by the processor or on the device."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.augment.device.batches import DeviceBatches
from nbtrainer.augment.patches import Patches
from nbtrainer.data.patch_sampler import PatchLocation
from nbtrainer.data.sampling_log import PatchContent
from nbtrainer.inference.device import free_cached_memory, is_out_of_memory
from nbtrainer.tasks import Task


class Batch(NamedTuple):
    """Images (B, C, [Z,] Y, X) and targets (B, K, [Z,] Y, X) on the device; where patches were cut, and what they show.

    `content` comes when labels are back from the device, for which no step waits. `warning`: what is to be told.
    """

    images: torch.Tensor
    targets: torch.Tensor
    locations: list[PatchLocation]
    content: Future[list[PatchContent]]
    warning: str = ""

    @property
    def summary(self) -> list[PatchContent]:
        """What the patches show; waits for it."""
        return self.content.result()

    def with_contents(self, locations: list[PatchLocation], contents: list[PatchContent]) -> Batch:
        """The same, with what other patches show besides."""
        return self._replace(locations=locations, content=_ready(contents))


@dataclass(kw_only=True)
class BatchMaker:
    """Makes batches of `patches` for a network on `device` with this memory `layout`.

    `on_device`: patches are warped, changed and, where their kind can, encoded there; targets of other kinds come from the
    processor. Threads may ask at the same time.
    """

    patches: Patches
    device: torch.device
    layout: torch.memory_format
    on_device: bool
    _made: dict[bool, DeviceBatches] = field(default_factory=dict, init=False, repr=False)
    _reader: ThreadPoolExecutor | None = field(default=None, init=False, repr=False)

    def make(self, numbers: Sequence[int], task: Task) -> Batch:
        """The patches of these numbers, encoded by `task`."""
        if not self.on_device:
            return self._by_processor(numbers, task)
        try:
            return self._by_device(numbers, task)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # outside the except block: the traceback held memory
        self.on_device = False
        self._made.clear()
        free_cached_memory(self.device)
        warning = "memory ran out where patches are made: from now on the processor makes them, to the same result"
        return self._by_processor(numbers, task)._replace(warning=warning)

    def _by_processor(self, numbers: Sequence[int], task: Task) -> Batch:
        drawn = [self.patches.patch(number) for number in numbers]
        locations, labels = [patch.location for patch in drawn], [patch.label for patch in drawn]
        encoded = [
            task.target(patch.image, patch.label, self.patches.images.links(patch.location.index)) for patch in drawn
        ]
        images = upload(np.stack([patch.image for patch in drawn]), self.device)
        return Batch(
            images=images.contiguous(memory_format=self.layout),
            targets=upload(np.stack(encoded), self.device),
            locations=locations,
            content=_ready(_contents(labels, locations, task)),
        )

    def _by_device(self, numbers: Sequence[int], task: Task) -> Batch:
        drawn = [self.patches.draw(number) for number in numbers]
        locations = [each.location for each in drawn]
        made = self._made.setdefault(
            task.encodes_batches,
            DeviceBatches(patches=self.patches, device=self.device, with_label=task.encodes_batches),
        ).make(drawn)
        labels = made.labels
        if isinstance(labels, torch.Tensor):
            targets = task.target_of_batch(made.images, labels)
            content = self._read(labels, locations, task)
        else:
            links = self.patches.images.links
            # nothing but `unsupervised`, which encodes batches, looks at the image
            none = np.zeros((0, *self.patches.sampler.patch_size), np.float32)
            encoded = [task.target(none, label, links(at.index)) for label, at in zip(labels, locations, strict=True)]
            targets = upload(np.stack(encoded), self.device)
            content = _ready(_contents(labels, locations, task))
        return Batch(
            images=made.images.contiguous(memory_format=self.layout),
            targets=targets,
            locations=locations,
            content=content,
        )

    def _read(self, labels: torch.Tensor, locations: list[PatchLocation], task: Task) -> Future[list[PatchContent]]:
        """What patches show, counted by a thread of its own when their labels are back from the device."""
        if self.device.type == "cpu":
            return _ready(_contents(list(labels.numpy()), locations, task))
        if self._reader is None:
            self._reader = ThreadPoolExecutor(1, thread_name_prefix="nbtrainer-labels")
        if self.device.type != "cuda":
            return self._reader.submit(lambda: _contents(list(labels.cpu().numpy()), locations, task))
        copied = torch.empty(labels.shape, dtype=labels.dtype, pin_memory=True)
        copied.copy_(labels, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()

        def count() -> list[PatchContent]:
            arrived.synchronize()
            return _contents(list(copied.numpy()), locations, task)

        return self._reader.submit(count)


def _contents(labels: Sequence[np.ndarray], locations: Sequence[PatchLocation], task: Task) -> list[PatchContent]:
    # labels of the device are int64: what counts classes expects the unsigned numbers of files
    unsigned = [label.astype(np.uint32, copy=False) if label.dtype == np.int64 else label for label in labels]
    return [
        PatchContent.of(at, label, classes=task.class_of(label), ignored=task.ignored)
        for label, at in zip(unsigned, locations, strict=True)
    ]


def _ready(contents: list[PatchContent]) -> Future[list[PatchContent]]:
    ready: Future[list[PatchContent]] = Future()
    ready.set_result(contents)
    return ready
