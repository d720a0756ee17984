"""Stored pixels on the device: the regions that a batch needs, or, where they fit, all images of the set."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.augment.device.sample import StoredRegions
from nbtrainer.data.images import Images
from nbtrainer.data.views import Slices, View, blocks
from nbtrainer.environment import available_memory

# a set may take this share of the device's free memory: batches are chosen to leave a fifth of it
_SHARE = 0.1
# pixels that are read and copied at once
_BLOCK = 16 * 1024**2
_IMAGES = tuple(map(np.dtype, ("uint8", "uint16", "float32")))
_LABELS = tuple(map(np.dtype, ("uint8", "uint16", "uint32")))
# torch calculates little with unsigned numbers: their bits travel as these
_STORED: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.uint16): np.dtype(np.int16),
    np.dtype(np.uint32): np.dtype(np.int32),
}


class PixelSource(Protocol):
    """Where the pixels of patches come from."""

    def regions(self, numbers: Sequence[int], needed: Sequence[Slices]) -> StoredRegions:
        """Of the images with these `numbers` at least what is `needed`."""


def open_source(images: Images, device: torch.device, *, with_label: bool) -> PixelSource:
    """The whole set on `device` if it takes at most a tenth of the memory that is free there, else region by region."""
    resident = ResidentSet(images, device, with_label=with_label)
    return resident if _may_stay(resident, device) else RegionReader(images, device, with_label)


def resident_bytes(images: Images, device: torch.device, *, with_label: bool) -> int:
    """What `open_source` keeps on `device`; 0 where the set is read region by region."""
    resident = ResidentSet(images, device, with_label=with_label)
    return resident.size_in_bytes if _may_stay(resident, device) else 0


def free_memory(device: torch.device) -> int:
    """Bytes that are free on `device`; 0 where nobody tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return available_memory() if device.type == "cpu" else 0


class RegionReader:
    """Reads what each batch needs, and copies it to the device at once."""

    def __init__(self, images: Images, device: torch.device, with_label: bool) -> None:
        self._images, self._device, self._with_label = images, device, with_label

    def regions(self, numbers: Sequence[int], needed: Sequence[Slices]) -> StoredRegions:
        views = [self._images.views(number) for number in numbers]
        extent = np.array([[part.stop - part.start for part in region] for region in needed], np.int64)
        start = np.array([[part.start for part in region] for region in needed], np.int64)
        full = np.array([image.shape for image, _ in views], np.int64)
        pixels = extent.prod(1)
        channels = views[0][0].channels
        label, label_begin = None, np.zeros(len(views), np.int64)
        if self._with_label:
            label_begin = np.cumsum(pixels) - pixels
            label = self._copied([each for _, each in views], needed, _LABELS)
        return StoredRegions(
            image=self._copied([image for image, _ in views], needed, _IMAGES),
            label=label,
            image_begin=channels * (np.cumsum(pixels) - pixels),
            label_begin=label_begin,
            channel_step=pixels,
            start=start,
            extent=extent,
            full=full,
        )

    def _copied(self, views: Sequence[View], needed: Sequence[Slices], dtypes: Sequence[np.dtype[Any]]) -> torch.Tensor:
        arrays = [view.read(region) for view, region in zip(views, needed, strict=True)]
        dtype = _common([array.dtype for array in arrays], dtypes=dtypes)
        total = sum(array.size for array in arrays)
        # few lengths, so that the device's memory is used again, and what is compiled for a length too
        step = 1 << max(10, total.bit_length() - 3)
        flat = torch.zeros(-(-total // step) * step, dtype=_torch_type(dtype), pin_memory=self._device.type == "cuda")
        target, begin = flat.numpy().view(dtype), 0
        for array in arrays:
            target[begin : begin + array.size].reshape(array.shape)[...] = array
            begin += array.size
        return flat.to(self._device, non_blocking=self._device.type == "cuda")


def _may_stay(resident: ResidentSet, device: torch.device) -> bool:
    return resident.size_in_bytes <= _SHARE * free_memory(device)


class ResidentSet:
    """All images and labels of a set on the device, each copied when it is first needed."""

    def __init__(self, images: Images, device: torch.device, *, with_label: bool) -> None:
        self._images, self._device, self._with_label = images, device, with_label
        opened = [images.preparation.open(pair) for pair in images.pairs]
        self._full = np.array([image.shape for image, _ in opened], np.int64)
        self._pixels = self._full.prod(1)
        self._ends = np.cumsum(self._pixels)
        self._channels = opened[0][0].channels
        self._types = (
            _common([image.dtype for image, _ in opened], dtypes=_IMAGES),
            _common([label.dtype for _, label in opened], dtypes=_LABELS),
        )
        self._image: torch.Tensor | None = None
        self._label: torch.Tensor | None = None
        self._copied: set[int] = set()
        self._lock = threading.Lock()

    @property
    def size_in_bytes(self) -> int:
        """What the set takes on the device."""
        image, label = self._types
        return int(self._ends[-1]) * (self._channels * image.itemsize + self._with_label * label.itemsize)

    def regions(self, numbers: Sequence[int], needed: Sequence[Slices]) -> StoredRegions:
        with self._lock:
            for number in {*numbers} - self._copied:
                self._copy(number)
                self._copied.add(number)
        assert self._image is not None
        begin = (self._ends - self._pixels)[list(numbers)]
        full, pixels = self._full[list(numbers)], self._pixels[list(numbers)]
        return StoredRegions(
            image=self._image,
            label=self._label,
            image_begin=self._channels * begin,
            label_begin=begin,
            channel_step=pixels,
            start=np.zeros_like(full),
            extent=full,
            full=full,
        )

    def _copy(self, number: int) -> None:
        total = int(self._ends[-1])
        if self._image is None:
            self._image = torch.zeros(total * self._channels, dtype=_torch_type(self._types[0]), device=self._device)
            if self._with_label:
                self._label = torch.zeros(total, dtype=_torch_type(self._types[1]), device=self._device)
        image, label = self._images.views(number)
        shape, begin = image.shape, int(self._ends[number] - self._pixels[number])
        places = self._image[self._channels * begin : self._channels * int(self._ends[number])]
        places = places.view(self._channels, *shape)
        for region in blocks(shape, _BLOCK):
            part = _bits(image.read(region), self._types[0])
            places[(slice(None), *region)].copy_(upload(part, self._device))
            if self._label is not None:
                labels = self._label[begin : int(self._ends[number])].view(*shape)
                labels[region].copy_(upload(_bits(label.read(region), self._types[1]), self._device))


def _common(stored: Sequence[np.dtype[Any]], *, dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """The type of all arrays if it is one of `dtypes`, else the last of these."""
    return stored[0] if set(stored) == {stored[0]} and stored[0] in dtypes else dtypes[-1]


def _bits(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    return np.ascontiguousarray(array, dtype).view(_STORED.get(dtype, dtype))


def _torch_type(dtype: np.dtype[Any]) -> torch.dtype:
    stored = torch.from_numpy(np.zeros(0, _STORED.get(dtype, dtype))).dtype
    assert isinstance(stored, torch.dtype)
    return stored
