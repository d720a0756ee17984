"""The loss of Omnipose 1.0.6 for flow, distance and boundary, written from its published terms."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from nbtrainer.losses.pixels import full_precision

# targets hold the flow times this; the integration takes two steps of sqrt(2) / 5 of it
_FLOW_SCALE = 5.0
_EULER_STEPS = 2
_EULER_STEP = 2**0.5 / 5
# keeps the direction of no flow at all defined
_TINY = 1e-6


class FlowLoss(nn.Module):
    """2 (5 L_flow + L_direction + L_boundary + L_norm + L_distance) + L_euler, with pixels that are NaN left out.

    Prediction and target are (B, C, [Z,] Y, X): d components of the flow in the order z, y, x (target 5 times the flow),
    the distance (target -5 in the background), then the boundary, as logits (target 0 or 1). The prediction may go
    without the boundary; its term is then 0. Weights come from the target alone: w = 1 in the foreground, 1/2 outside.

    - L_flow, L_distance: mean of w ((p - y) / 5)².
    - L_direction: 4 mean of 1 - cos² between the flows, on boundary pixels of the foreground.
    - L_norm: 1/4 mean of (foreground |y| - |p|)² on the boundary + 1/50 mean of (|p| - |y|)², of the flow's lengths.
    - L_boundary: binary cross-entropy with logits.
    - L_euler: pixels moved by both flows, two steps of sqrt(2) / 5, nearest pixel; mean square of how far apart they end.

    Attributes
    ----------
    terms
        Of the last call, each as it enters the sum, without its gradient: flow, direction, boundary, norm, distance, euler.
    """

    def __init__(self) -> None:
        super().__init__()
        self.terms: dict[str, torch.Tensor] = {}

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        dim, prediction = prediction.ndim - 2, full_precision(prediction)
        if target.shape[1] != dim + 2 or prediction.shape[1] not in (dim + 1, dim + 2):
            raise ValueError(
                f"{dim} flow components, distance and boundary are wanted, not {target.shape[1]} target channels "
                f"and {prediction.shape[1]} predicted ones"
            )
        known = ~target.isnan().any(dim=1)
        any_known = known.any()  # not asked of the device, for which the step would wait
        terms = _terms(prediction, target.nan_to_num(0.0), valid_mask=known | ~any_known)
        self.terms = {name: value.detach() * any_known for name, value in terms._asdict().items()}
        return torch.stack(list(terms)).sum() * any_known


class _Terms(NamedTuple):
    flow: torch.Tensor
    direction: torch.Tensor
    boundary: torch.Tensor
    norm: torch.Tensor
    distance: torch.Tensor
    euler: torch.Tensor


def _terms(prediction: torch.Tensor, target: torch.Tensor, *, valid_mask: torch.Tensor) -> _Terms:
    dim = prediction.ndim - 2
    counts = valid_mask.sum()
    flow, true_flow = prediction[:, :dim], target[:, :dim]
    distance, true_distance = prediction[:, dim], target[:, dim]
    edge = target[:, dim + 1]
    foreground = (true_distance > 0).to(prediction.dtype)
    weight = (1 + foreground) / 2

    def mean(values: torch.Tensor) -> torch.Tensor:
        # where, not a product: a prediction beside an unknown pixel may be anything
        return torch.where(valid_mask, values, 0).sum() / counts

    squares = ((flow - true_flow) / _FLOW_SCALE).square().mean(dim=1)
    length, true_length = _length(flow), _length(true_flow)
    cosine = (flow * true_flow).sum(dim=1) / (length * true_length).clamp_min(_TINY)
    # nothing tells a direction where there is no true flow
    turned = (1 - cosine.square()) * foreground * edge * (true_length > _TINY)
    norm = mean((foreground * true_length - length).square() * edge) / 4
    norm = norm + mean((length - true_length).square()) / (2 * _FLOW_SCALE**2)
    boundary = prediction.sum() * 0
    if prediction.shape[1] > dim + 1:
        boundary = mean(F.binary_cross_entropy_with_logits(prediction[:, dim + 1], edge, reduction="none"))
    return _Terms(
        flow=10 * mean(weight * squares),
        direction=8 * mean(turned),
        boundary=2 * boundary,
        norm=2 * norm,
        distance=2 * mean(weight * ((distance - true_distance) / _FLOW_SCALE).square()),
        euler=mean(
            (_moved(flow, valid_mask=valid_mask) - _moved(true_flow, valid_mask=valid_mask)).square().mean(dim=1)
        ),
    )


def _length(flow: torch.Tensor) -> torch.Tensor:
    # the root has no gradient at 0
    return (flow.square().sum(dim=1) + _TINY**2).sqrt()


def _moved(flow: torch.Tensor, *, valid_mask: torch.Tensor) -> torch.Tensor:
    """How far each pixel has moved, (B, d, [Z,] Y, X). Flow of unknown pixels is 0, so that none is led by them."""
    flow = torch.where(valid_mask[:, None], flow, 0)
    shape = flow.shape[2:]
    ranges = [torch.arange(length, device=flow.device) for length in shape]
    start = torch.stack(torch.meshgrid(*ranges, indexing="ij")).to(flow.dtype)
    moved = _EULER_STEP * flow
    for _ in range(_EULER_STEPS - 1):
        at = (start + moved.detach()).round().long()
        index = torch.zeros_like(at[:, 0])
        for axis, length in enumerate(shape):
            index = index * length + at[:, axis].clamp(0, length - 1)
        index = index.flatten(1)[:, None].expand(-1, flow.shape[1], -1)
        moved = moved + _EULER_STEP * flow.flatten(2).gather(2, index).view_as(flow)
    return moved
