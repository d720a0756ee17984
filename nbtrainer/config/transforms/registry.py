"""All transforms, from the modules of this folder: a settings model with a `kind` is all that a new one needs here.

What it does to a patch stands in `augment/transforms/<kind>.py`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from nbtrainer.config import messages
from nbtrainer.config.transforms.transform import Transform

# the modules in the order of the menu; one that is not listed comes after them
_MENU_ORDER = ("spatial", "brightness", "lighting", "blur", "noise", "artefacts", "stack")


def _models() -> dict[str, type[Transform]]:
    """The settings model of each kind of transform, in the order of the menu."""
    names = [name for _, name, _ in pkgutil.iter_modules([str(Path(__file__).parent)]) if name != "registry"]
    names.sort(key=lambda name: _MENU_ORDER.index(name) if name in _MENU_ORDER else len(_MENU_ORDER))
    declared = [
        model
        for module in (import_module(f"{__package__}.{name}") for name in names)
        for model in vars(module).values()
        if _is_transform(model) and model.__module__ == module.__name__
    ]
    return {str(model.model_fields["kind"].default): model for model in declared}


def _is_transform(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Transform) and "kind" in model.model_fields


TRANSFORMS = _models()
messages.register_tags(TRANSFORMS)

if TYPE_CHECKING:
    AnyTransform = Transform
else:
    AnyTransform = Annotated[Union[tuple(TRANSFORMS.values())], Field(discriminator="kind")]  # noqa: UP007
