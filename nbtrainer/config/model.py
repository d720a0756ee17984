"""Which network learns, and from where it starts."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from nbtrainer.catalog import BACKBONES, NETWORKS, networks_with
from nbtrainer.config.section import PathText, Section, field

_PRETRAINED_BACKBONE = tuple(name for name in networks_with("backbone") if NETWORKS[name].dims == (2,))


def _of(parameter: str) -> dict[str, tuple[str, ...]]:
    return {"name": networks_with(parameter)}


class Model(Section):
    """The network."""

    where: ClassVar[str] = "model"

    name: str = field(
        "unet",
        title="Network",
        help="The architecture. A light one learns as much in an hour on a laptop as a heavy one in a day.",
        choices=NETWORKS,
    )
    features: list[Annotated[int, Field(ge=1, le=2048)]] = field(
        title="Features per level",
        help="Channels at each level, from fine to coarse. One more level sees further, and pads patches to a larger multiple.",
        default_factory=lambda: [32, 64, 128, 256],
        min_length=2,
        max_length=8,
        only_with=_of("features"),
        advanced=True,
    )
    anisotropic_levels: Annotated[int, Field(ge=0, le=7)] | Literal["auto"] = field(
        "auto",
        title="Levels within slices",
        old_names=("flat_levels",),
        help="Volumes: how many of the levels look coarser at height and width only, as thick slices need. 'auto' follows "
        "the size of the voxels.",
        only_with=_of("anisotropic_levels"),
        advanced=True,
    )
    backbone: str = field(
        "resnet34",
        title="Backbone",
        help="The way down of the network, made for photographs. Larger ones learn slower and see more.",
        choices=BACKBONES,
        only_with=_of("backbone"),
    )
    backbone_weights: str = field(
        "",
        title="Weights of the backbone",
        help="Where the backbone starts from: empty draws its weights by chance; imagenet downloads what it learned from "
        "photographs (Hugging Face; the licence is that of the model there); else the path of a file of its weights.",
        only_with={"name": _PRETRAINED_BACKBONE},
    )
    block: str = field(
        "residual",
        title="Block",
        help="What a level does: two convolutions whose input is added, the same with each channel weighted by what the "
        "image shows (squeeze and excitation), or without addition.",
        choices={
            "residual": "residual",
            "residual_se": "residual with squeeze and excitation",
            "plain": "plain",
        },
        only_with=_of("block"),
        advanced=True,
    )
    residual_units: int = field(
        2,
        title="Residual units",
        help="Convolutions of each level whose input is added to them; 0: one convolution and no addition.",
        ge=0,
        le=8,
        only_with=_of("residual_units"),
        advanced=True,
    )
    transformer_features: Literal[12, 24, 36, 48, 96] = field(
        24,
        title="Features of the transformer",
        help="Of its first stage; CellSeg3D takes 48.",
        only_with=_of("transformer_features"),
        advanced=True,
    )
    norm: str = field(
        "auto",
        title="Normalization layer",
        help="What keeps activations in range. 'auto' is the network's own. Batch normalization wants eight patches a batch.",
        choices={"auto": "auto", "instance": "instance", "batch": "batch", "group": "group"},
        only_with=_of("norm"),
        advanced=True,
    )
    activation: str = field(
        "auto",
        title="Activation",
        help="What follows a convolution. 'auto' is the network's own.",
        choices={
            "auto": "auto",
            "relu": "ReLU",
            "leaky_relu": "leaky ReLU",
            "prelu": "PReLU",
            "elu": "ELU",
            "gelu": "GELU",
        },
        only_with=_of("activation"),
        advanced=True,
    )
    dropout: float = field(
        0.0,
        title="Dropout",
        help="Share of activations that are left out by chance in training, against overfitting.",
        ge=0,
        lt=1,
        only_with=_of("dropout"),
        advanced=True,
    )
    residual_on: bool = field(
        True,
        title="Residual blocks",
        help="Omnipose's --residual_on: blocks add what went in.",
        only_with=_of("residual_on"),
        advanced=True,
    )
    style_on: bool = field(
        True,
        title="Style",
        help="Omnipose's --style_on: what the image is like as a whole enters the way up.",
        only_with=_of("style_on"),
        advanced=True,
    )
    concatenation: bool = field(
        False,
        title="Concatenation",
        help="Omnipose's --concatenation: skips are put beside the features instead of added.",
        only_with=_of("concatenation"),
        advanced=True,
    )
    padding_mode: str = field(
        "zeros",
        title="Edges",
        help="What convolutions see beyond the edges: zeros, as in Cellpose, or the mirrored image, as in Omnipose 1.1.4.",
        choices={"zeros": "zeros", "reflect": "mirrored image"},
        only_with=_of("padding_mode"),
        advanced=True,
    )
    input_channels: Annotated[int, Field(ge=1)] | Literal["auto"] = field(
        "auto",
        title="Input channels",
        help="'auto' counts them in the images.",
        advanced=True,
    )
    pretrained: PathText = field(
        "",
        title="Start from model",
        help="What to start from: a checkpoint (.pt) or the folder of a run; weights that torch or safetensors saved; a "
        "model of Cellpose 1 to 3 or Omnipose; a package of the BioImage Model Zoo or of MONAI. Empty: from scratch.",
        path="file",
    )
    unmatched_layers: str = field(
        "refuse",
        title="Layers without weights",
        help="What happens if layers other than the first and the last find no weights in the model to start from.",
        choices={"refuse": "refuse to start, and list them", "begin_anew": "begin these layers anew"},
        advanced=True,
    )
    take_over: str = field(
        "weights",
        title="Take over",
        help="What of the model to start from: its weights, or its optimizer and its epoch too, to go on with the same images at another learning rate or for longer.",
        choices={"weights": "its weights", "everything": "weights, optimizer and epoch"},
        advanced=True,
    )
    start_epoch: int | None = field(
        None,
        title="Epochs begin at",
        help="Where to count from when everything is taken over; empty: where that run was. 0 begins the schedule of the learning rate anew.",
        ge=0,
        le=1_000_000,
        only_with={"take_over": ("everything",)},
        advanced=True,
    )

    def size_divisors(self, dim: int) -> tuple[int, ...]:
        """Pixels that the sides ([z,] y, x) of a patch must be multiples of; at least so, where `anisotropic_levels` is auto."""
        most = len(self.features) - 1
        levels = most if self.anisotropic_levels == "auto" else self.anisotropic_levels
        return NETWORKS[self.name].divisors(dim, features=self.features, anisotropic_levels=levels)

    @property
    def backbone_source(self) -> str:
        """Where the weights of the backbone come from; empty if they are drawn by chance, or the network has none."""
        return self.backbone_weights if self.name in _PRETRAINED_BACKBONE else ""

    @property
    def parameters(self) -> dict[str, Any]:
        """What the network is built with besides features and levels: the settings of `model` that its catalog names."""
        others = [name for name in NETWORKS[self.name].parameters if name not in ("features", "anisotropic_levels")]
        return {name: getattr(self, name) for name in others}
