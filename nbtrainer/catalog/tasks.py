"""The kinds of segmentation on the menu."""

import importlib
from dataclasses import dataclass
from typing import Any, Literal

from nbtrainer.catalog.entry import Catalog, Entry

# what losses, metrics and networks ask of a kind: channels that are probabilities each by itself, channels of classes that
# exclude each other, fields that lead to the middle of objects, the reconstructed image, contours beside a foreground; and
# what is scored
Trait = Literal["separate_channels", "classes", "flow", "reconstruction", "masks", "objects", "contour"]


@dataclass(frozen=True)
class TaskEntry(Entry):
    """A kind of segmentation. `settings`: `module:name` of the model of its settings; `traits`: what suits it;
    `default_loss`: what it is trained with unless another loss is chosen."""

    settings: str = ""
    default_loss: str = ""
    traits: tuple[Trait, ...] = ()


class TaskCatalog(Catalog[TaskEntry]):
    """The kinds of segmentation; each has a class and a model of its settings."""

    def load_settings(self, name: str) -> Any:
        """The model of the settings of kind `name`; imports its module."""
        module, attribute = self[name].settings.split(":")
        return getattr(importlib.import_module(module), attribute)


TASKS = TaskCatalog(
    "kind of segmentation",
    TaskEntry(
        "binary",
        "Foreground (binary)",
        at="nbtrainer.tasks.binary:Binary",
        settings="nbtrainer.config.task.binary:BinarySettings",
        default_loss="bce_dice",
        traits=("separate_channels", "masks"),
        help="Every pixel is foreground or background; touching objects are not told apart.",
    ),
    TaskEntry(
        "semantic",
        "Classes (semantic)",
        at="nbtrainer.tasks.semantic:Semantic",
        settings="nbtrainer.config.task.semantic:SemanticSettings",
        default_loss="dice_ce",
        traits=("classes", "masks"),
        help="Every pixel belongs to one of several classes, numbered in the labels; 0 is the background.",
    ),
    TaskEntry(
        "instance_contour",
        "Objects by contour (instances)",
        at="nbtrainer.tasks.instance_contour:InstanceContour",
        settings="nbtrainer.config.task.instance_contour:InstanceContourSettings",
        default_loss="bce_dice",
        traits=("separate_channels", "objects", "contour"),
        help="Every object by itself, found by its inside and its rim. Right for most; thin objects need affinities.",
        source="PyTorch Connectomics: Lin et al. 2021, https://arxiv.org/abs/2112.05754",
    ),
    TaskEntry(
        "instance_flow",
        "Objects by flow (instances)",
        at="nbtrainer.tasks.instance_flow:InstanceFlow",
        settings="nbtrainer.config.task.instance_flow:InstanceFlowSettings",
        default_loss="omnipose",
        traits=("flow", "objects"),
        help="Every object by itself, of any shape and thinness, found by following a field to its middle (Omnipose).",
        source="Cutler et al. 2022, https://doi.org/10.1038/s41592-022-01639-4",
    ),
    TaskEntry(
        "epyseg",
        "Cells of a tissue (EPySeg)",
        at="nbtrainer.tasks.epyseg:Epyseg",
        settings="nbtrainer.config.task.epyseg:EpysegSettings",
        default_loss="bce_dice",
        traits=("separate_channels", "objects"),
        help="Cells that fill the image, parted by bright outlines, as in epithelia.",
        source="Aigouy et al. 2020, https://doi.org/10.1242/dev.194589",
    ),
    TaskEntry(
        "unsupervised",
        "Classes without labels (unsupervised)",
        at="nbtrainer.tasks.unsupervised:Unsupervised",
        settings="nbtrainer.config.task.unsupervised:UnsupervisedSettings",
        default_loss="normalized_cuts",
        traits=("reconstruction", "objects"),
        help="Learns from images alone to part bright from dark; labels, if there are any, only score it.",
        source="Xia and Kulis 2017, https://arxiv.org/abs/1711.08506; CellSeg3D",
    ),
)


def kinds_with(*traits: Trait) -> tuple[str, ...]:
    """The kinds of segmentation that have one of these traits."""
    return tuple(kind for kind, entry in TASKS.items() if set(traits) & set(entry.traits))
