"""What a TPU decides among the settings. It translates a network for each shape that it sees, in seconds to minutes."""

from __future__ import annotations

import torch
from torch import nn

from nbtrainer.config import Config
from nbtrainer.inference import xla
from nbtrainer.losses.masked import MaskedLoss
from nbtrainer.runs import events
from nbtrainer.runs.events import Event


def settle_for_tpu(config: Config, device: torch.device, loss: nn.Module) -> list[Event]:
    """Settle in `config` what a TPU leaves no choice in, and what would have to be measured; what the log says of it.

    Nothing happens where `device` is no TPU.
    """
    if device.type != "xla":
        return []
    training = config.training
    notes: list[Event] = []
    if xla.hardware() == "CPU":
        notes.append(events.Warned(text="torch_xla finds no TPU: it computes on the processor, slower than torch does"))
    if training.augment_on == "device":
        words = "patches are made by the processor: a TPU would translate a program for each size of what is cut out"
        notes.append(events.Warned(text=words))
    if training.torch_compile not in ("auto", "off"):
        notes.append(events.Noted(text="training.torch_compile has no effect: a TPU translates every network"))
    if any(isinstance(part, MaskedLoss) for part in loss.modules()):
        words = "some pixels may be unknown: a TPU translates the loss for each number of them, and steps take long"
        notes.append(events.Warned(text=words))
    training.augment_on, training.torch_compile = "processor", "off"
    # measuring them would translate the network for each
    if training.precision == "auto":
        training.precision = "float32"
    if training.memory_format == "auto":
        training.memory_format = "contiguous"
    return notes
