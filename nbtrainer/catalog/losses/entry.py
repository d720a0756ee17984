"""What the menu says of a loss."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrainer.catalog.entry import Entry
from nbtrainer.catalog.tasks import kinds_with


@dataclass(frozen=True, kw_only=True)
class LossEntry(Entry):
    """A loss.

    `formula`: of logits z, probabilities p and the truth y (see docs/losses.md). `parameters`: those of its arguments that can
    be set, in the Compile panel under the name of `PARAMETERS`. `of_logits`: it judges the logits, not their probabilities.
    `is_regularizer`: it has an effect in a sum only, beside a loss that follows the truth. `channels`: the output channels
    that it holds against each other; empty: it judges every channel. `on_processor`: a part is calculated there, for which
    each step waits.
    """

    formula: str = ""
    parameters: tuple[str, ...] = ()
    of_logits: bool = False
    is_regularizer: bool = False
    channels: tuple[str, ...] = ()
    on_processor: bool = False

    @property
    def activation(self) -> str:
        """What makes probabilities of the logits: sigmoid of each channel, softmax of classes; none."""
        named = {"sigmoid": kinds_with("separate_channels"), "softmax": kinds_with("classes")}
        suited = [name for name, kinds in named.items() if set(kinds) & set(self.kinds)]
        return "none" if self.of_logits or not suited else " or ".join(suited)


# the setting in `config.compile` of each parameter
PARAMETERS = {
    "smoothing": "loss_smoothing",
    "per_patch": "overlap_per_patch",
    "with_background": "overlap_with_background",
    "alpha": "tversky_alpha",
    "beta": "tversky_beta",
    "gamma": "focal_gamma",
    "foreground_weight": "focal_alpha",
    "overlap_weight": "overlap_weight",
    "balance": "foreground_balance",
    "border_weight": "border_weight",
    "border_sigma": "border_sigma",
    "delta": "huber_delta",
    "iterations": "skeleton_iterations",
    "exponent": "hausdorff_exponent",
}
