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
    )
