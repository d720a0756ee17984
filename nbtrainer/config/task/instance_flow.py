"""Single objects by their distance and flow."""

from typing import ClassVar

from nbtrainer.config.section import Decoding, field
from nbtrainer.config.task.settings import DECODING, LabelValues
from nbtrainer.config.task.shared import ObjectSettings, TunedSettings


class InstanceFlowSettings(ObjectSettings, TunedSettings):
    """How objects are found in distance and flow."""

    label_values: ClassVar[LabelValues] = "objects"
    decoder_setting: ClassVar[str] = "decoder"

    with_boundary: bool = field(
        False,
        title="Learn the boundary",
        help="One more channel for the rim of objects (Omnipose's nclasses 3 instead of 2).",
    )
    size_model: bool = field(
        False,
        title="Learn the size of objects",
        help="At the end, learn to tell the diameter of objects from an image as a whole, so that predictions need none. "
        "Needs a network with style, 2D, and data.diameter.",
        advanced=True,
    )
    decoder: str = field(
        "join",
        title="How pixels become objects",
        old_names=("decode_by",),
        help="What turns fields into objects. The first suits all; the others are Omnipose's own.",
        choices={
            "join": "joined where the depth between them does not end",
            "points": "by where the flow leads them",
            "affinity": "by where neighbours are led alike",
        },
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )
    mask_threshold: float = field(
        0.0,
        title="Objects where the distance is above",
        help="Lower it to find more and larger objects, raise it to claim less.",
        unit="px",
        ge=-6,
        le=20,
        advanced=True,
        group=DECODING,
        decoding=Decoding((0.0, -0.5, 0.5, -1.0, 1.0, 1.5, -2.0)),
    )
    flow_threshold: float = field(
        0.4,
        title="Drop objects whose flow is off by",
        help="Objects whose own flow differs more from the predicted one are dropped; 0 keeps all.",
        ge=0,
        le=3,
        advanced=True,
        group=DECODING,
        decoding=Decoding((0.4, 0.0, 0.2, 0.8)),
    )
    min_border_depth: float = field(
        0.55,
        title="Least depth of a border within an object",
        old_names=("least_depth",),
        help="Raise it if objects are merged, lower it if they are split.",
        unit="px",
        ge=0,
        le=5,
        advanced=True,
        group=DECODING,
        decoding=Decoding((0.55, 0.45, 0.65, 0.75, 0.35, 0.9), ("join",)),
    )
    hole_size: float = field(
        3.0,
        title="Fill holes up to",
        help="Share of their object; 0 fills none.",
        unit="%",
        ge=0,
        le=100,
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )

    @property
    def has_objects(self) -> bool:
        return True

    @property
    def learns_size(self) -> bool:
        return self.size_model
