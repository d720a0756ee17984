"""Losses on the menu of what is no mask: flows, and images that are reconstructed."""

from nbtrainer.catalog.losses.entry import LossEntry
from nbtrainer.catalog.tasks import kinds_with

FIELDS = (
    LossEntry(
        "omnipose",
        "Flow, distance and boundary (Omnipose)",
        at="nbtrainer.losses.flow:FlowLoss",
        help="Errors of flow, its direction and length, of the distance, the boundary, and of where pixels are led.",
        source="Cutler et al. 2022, https://doi.org/10.1038/s41592-022-01639-4",
        kinds=kinds_with("flow"),
        formula="2 (5 L_flow + L_direction + L_boundary + L_norm + L_distance) + L_euler, see nbtrainer/losses/flow.py",
    ),
    LossEntry(
        "normalized_cuts",
        "Normalized cuts + reconstruction",
        at="nbtrainer.losses.normalized_cuts:NormalizedCuts",
        help="Classes that cut the image where it changes, and from which it can be reconstructed; needs no labels.",
        source="Xia and Kulis 2017, https://arxiv.org/abs/1711.08506",
        kinds=kinds_with("reconstruction"),
        formula="cuts_weight (K - Σ_k assoc(k, k) / assoc(k, all)) + reconstruction_weight (error of the image)",
    ),
)
