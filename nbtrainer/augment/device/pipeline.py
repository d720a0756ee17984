"""The transforms of a batch, each kind for all patches that drew it at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Sequence

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.augment.pipeline import MODULES, SampledTransform


def is_batched(sampled: Sequence[SampledTransform], *, with_label: bool) -> bool:
    """Whether all of `sampled` have a form for batches; without labels, also whether none of them changes the label."""
    return all(_key(transform, with_label) is not None for transform in sampled)


def apply_to_batch(
    images: torch.Tensor, labels: torch.Tensor | None, sampled: Sequence[Sequence[SampledTransform]]
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """`images` (B, C, [Z,] Y, X) float32 and `labels` (B, [Z,] Y, X) int64, if any, with what was `sampled` for each patch.

    All of it must have a form for batches (`is_batched`). Each patch is changed in its own order.
    """
    waiting = [deque(transforms) for transforms in sampled]
    while any(waiting):
        keys = [_key(queue[0], labels is not None) if queue else None for queue in waiting]
        key = Counter(key for key in keys if key is not None).most_common(1)[0][0]
        chosen = [patch for patch, own in enumerate(keys) if own == key]
        params = [waiting[patch].popleft().params for patch in chosen]
        module = MODULES[key[0]]
        index = None if len(chosen) == len(images) else upload(np.array(chosen), images.device)
        some = images if index is None else images.index_select(0, index)
        if hasattr(module, "apply_batch"):
            images = _put(images, index, module.apply_batch(some, params))
            continue
        assert labels is not None
        truth = labels if index is None else labels.index_select(0, index)
        changed, truth = module.apply_batch_labelled(some, truth, params)
        images, labels = _put(images, index, changed), _put(labels, index, truth)
    return images, labels


def _put(batch: torch.Tensor, index: torch.Tensor | None, changed: torch.Tensor) -> torch.Tensor:
    return changed if index is None else batch.index_copy(0, index, changed)


def _key(transform: SampledTransform, with_label: bool) -> tuple[str, Hashable] | None:
    """What patches must share to be changed together; None: there is no form for batches."""
    module = MODULES[transform.kind]
    if not (hasattr(module, "apply_batch") or (with_label and hasattr(module, "apply_batch_labelled"))):
        return None
    key = module.batch_key(transform.params) if hasattr(module, "batch_key") else ""
    return None if key is None else (transform.kind, key)
