"""The names of devices: as people write them, and as torch does."""

from __future__ import annotations

import re

# what people call them, and torch's word for it
_SYNONYMS = {"gpu": "cuda", "nvidia": "cuda", "tpu": "xla", "processor": "cpu"}
DEVICE_NAMES = "auto, cpu, cuda, cuda:1, mps or tpu"


def device_name(text: str) -> str | None:
    """Torch's name of the device that `text` means, or `auto`; None if it names none.

    >>> device_name(" GPU:1"), device_name("CPU"), device_name("cuda:x")
    ('cuda:1', 'cpu', None)
    """
    kind, colon, number = text.strip().lower().partition(":")
    name = _SYNONYMS.get(kind, kind) + colon + number
    return name if re.fullmatch(r"auto|cpu|xla|mps(:0)?|cuda(:[0-9]{1,3})?", name) else None
