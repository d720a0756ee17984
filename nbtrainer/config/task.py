"""What is to be learned."""

from typing import ClassVar, Literal

from nbtrainer.catalog import TASKS
from nbtrainer.config.section import Section, field


class Task(Section):
    """What is to be learned."""

    where: ClassVar[str] = "task"

    kind: str = field(
        "binary",
        title="Kind of segmentation",
        help="What the network tells apart.",
        choices=TASKS,
    )
    dim: Literal[2, 3] = field(
        2,
        title="Dimensions",
        help="2 for images, 3 for volumes.",
    )
    threshold: float = field(
        0.5,
        title="Foreground above",
        help="Probability above which a pixel counts as foreground. Lower it to find more, raise it to claim less.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=("binary", "instance_contour"),
    )
    class_names: list[str] = field(
        title="Names of classes",
        help="In the order of the labels of interest, else of the label values, without the background. Empty: their values.",
        default_factory=list,
        kinds=("semantic",),
    )
    class_weights: str = field(
        "none",
        title="Weights of classes",
        help="Whether rare classes count more in the loss. Raises what is found of them, and what is wrongly claimed.",
        choices={"none": "all the same", "auto": "from the data: rare classes count more"},
        advanced=True,
        kinds=("semantic",),
    )
