"""segmentation_models_pytorch, also where torchvision was built for another torch."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

from nbtrainer.errors import SettingError

_NAME = "segmentation_models_pytorch"
# kept: a library that is collected takes its operators along
_libraries: list[torch.library.Library] = []


def import_smp() -> ModuleType:
    """The module. Raises `SettingError` if it is not installed.

    torchvision's wheel may not match a torch for processors only: its import fails then for want of two operators that no
    network here uses. They are declared after that error only: where torchvision is sound, declaring them ends the process.
    """
    try:
        return importlib.import_module(_NAME)
    except ModuleNotFoundError as error:
        raise SettingError(
            "model.name",
            f"networks with a backbone need {error.name}, which is not installed",
            'Install it with pip install "nbtrainer[networks]", or choose another network',
        ) from error
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "timm", _NAME)]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
    return importlib.import_module(_NAME)
