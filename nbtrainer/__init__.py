"""Train segmentation networks on your own images, in a notebook, without writing code.

Names are imported when they are first used: `import nbtrainer` brings in neither torch nor widgets.
"""

from typing import TYPE_CHECKING, Any

from nbtrainer._version import __version__

if TYPE_CHECKING:
    from nbtrainer import samples as samples
    from nbtrainer.api import attach as attach
    from nbtrainer.api import augmented_examples as augmented_examples
    from nbtrainer.api import check as check
    from nbtrainer.api import compare_networks as compare_networks
    from nbtrainer.api import cross_validate as cross_validate
    from nbtrainer.api import download_model as download_model
    from nbtrainer.api import evaluate as evaluate
    from nbtrainer.api import find_learning_rate as find_learning_rate
    from nbtrainer.api import fix as fix
    from nbtrainer.api import fix_all as fix_all
    from nbtrainer.api import histogram as histogram
    from nbtrainer.api import list_models as list_models
    from nbtrainer.api import load_model as load_model
    from nbtrainer.api import named_models as named_models
    from nbtrainer.api import pairs as pairs
    from nbtrainer.api import patch_locations as patch_locations
    from nbtrainer.api import patches as patches
    from nbtrainer.api import prepare as prepare
    from nbtrainer.api import prepare_dataset as prepare_dataset
    from nbtrainer.api import resume as resume
    from nbtrainer.api import set_thresholds as set_thresholds
    from nbtrainer.api import stack_images as stack_images
    from nbtrainer.api import start as start
    from nbtrainer.api import thumbnail as thumbnail
    from nbtrainer.api import train as train
    from nbtrainer.api import unstack_images as unstack_images
    from nbtrainer.config import Config as Config
    from nbtrainer.errors import ComputerError as ComputerError
    from nbtrainer.errors import DataError as DataError
    from nbtrainer.errors import Finding as Finding
    from nbtrainer.errors import ModelError as ModelError
    from nbtrainer.errors import SettingError as SettingError
    from nbtrainer.errors import UserError as UserError
    from nbtrainer.ui import Dashboard as Dashboard
    from nbtrainer.ui import TrainerApp as TrainerApp

_HOMES = {
    "nbtrainer.api": (
        "set_thresholds",
        "attach",
        "check",
        "cross_validate",
        "evaluate",
        "compare_networks",
        "find_learning_rate",
        "fix",
        "fix_all",
        "download_model",
        "list_models",
        "load_model",
        "named_models",
        "pairs",
        "patches",
        "histogram",
        "thumbnail",
        "patch_locations",
        "prepare",
        "prepare_dataset",
        "augmented_examples",
        "resume",
        "stack_images",
        "start",
        "train",
        "unstack_images",
    ),
    "nbtrainer.config": ("Config",),
    "nbtrainer.errors": ("UserError", "SettingError", "DataError", "ModelError", "ComputerError", "Finding"),
    "nbtrainer.ui": ("Dashboard", "TrainerApp"),
}
# names of earlier versions, for one release
_OLD_NAMES = {
    "adjust": "set_thresholds",
    "picture": "thumbnail",
    "places": "patch_locations",
    "variants": "augmented_examples",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", "samples", *_HOME_OF]


def __getattr__(name: str) -> Any:
    import importlib

    if name == "samples":
        return importlib.import_module("nbtrainer.samples")
    if name in _OLD_NAMES:
        from nbtrainer.deprecation import warn_old_name

        new = _OLD_NAMES[name]
        warn_old_name(f"nbtrainer.{name}", new=f"nbtrainer.{new}")
        return __getattr__(new)
    if name not in _HOME_OF:
        raise AttributeError(f"module 'nbtrainer' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
