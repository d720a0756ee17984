"""Several classes."""

from typing import ClassVar

from nbtrainer.config.section import field
from nbtrainer.config.task.settings import LOSS, LabelValues, TaskSettings


class SemanticSettings(TaskSettings):
    """Every pixel belongs to one of several classes."""

    label_values: ClassVar[LabelValues] = "classes"

    class_names: list[str] = field(
        title="Names of classes",
        help="In the order of the labels of interest, else of the label values, without the background. Empty: their values.",
        default_factory=list,
    )
    class_colours: list[str] = field(
        title="Colours of classes",
        help="As #rrggbb, in the order of the names. Empty: colours that colour-blind people can tell apart.",
        default_factory=list,
        advanced=True,
    )
    class_weights: str = field(
        "none",
        title="Weights of classes",
        help="Whether rare classes count more in the loss. Raises what is found of them, and what is wrongly claimed.",
        choices={"none": "all the same", "auto": "from the data: rare classes count more"},
        advanced=True,
        group=LOSS,
    )

    @property
    def named_classes(self) -> list[str]:
        return self.class_names
