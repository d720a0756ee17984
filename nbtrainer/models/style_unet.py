"""U-Net with style: residual blocks, additive skips, and what an image is like as a whole told to every step up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from nbtrainer.catalog import size_divisors, strides
from nbtrainer.models.normalization import changed_momentum
from nbtrainer.models.padding import crop_to, pad_to_network

_CONV: dict[int, type[nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_MOMENTUM = 0.05


class StyleUNet(nn.Module):
    """Maps (B, C, [Z,] Y, X) to (B, K, [Z,] Y, X); sides that it cannot halve are padded inside.

    `recomputes`: in training each block keeps nothing but what went in and answers once more on the way back: the same
    gradients and statistics with less than half of the memory, in a third more time.
    """

    recomputes: bool = False

    def __init__(
        self,
        dim: int,
        *,
        input_channels: int,
        output_channels: int,
        features: Sequence[int],
        residual_on: bool,
        style_on: bool,
        concatenation: bool,
        anisotropic_levels: int,
        padding_mode: Literal["zeros", "reflect"],
    ) -> None:
        super().__init__()
        style_features = features[-1] if style_on else 0
        inputs = [input_channels, *features[:-1]]
        self.down = nn.ModuleList(
            _Down(dim, before=before, after=here, residual_on=residual_on)
            for before, here in zip(inputs, features, strict=True)
        )
        # from the deepest level up; each hands on as many channels as the next has
        above = [*features[1:], features[-1]]
        self.up = nn.ModuleList(
            _Up(
                dim,
                before=before,
                after=here,
                style_features=style_features,
                residual_on=residual_on,
                concatenation=concatenation,
            )
            for before, here in reversed(list(zip(above, features, strict=True)))
        )
        self.last = _step(dim, before=features[0], after=output_channels, side=1)
        self._shrink = F.max_pool2d if dim == 2 else F.max_pool3d
        self._strides = strides(dim, features, anisotropic_levels)
        self._multiples = size_divisors(dim, features, anisotropic_levels)
        self._reflects = padding_mode == "reflect"
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d):
                layer.padding_mode = padding_mode

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        levels = self._levels(image)
        x, style = levels[-1], _style(levels[-1])
        for number, (block, skip) in enumerate(zip(self.up, reversed(levels), strict=True)):
            if number:
                x = F.interpolate(x, scale_factor=tuple(map(float, self._strides[-number])), mode="nearest")
            x = self._through(block, x, skip, style)
        output = self.last(x)
        assert isinstance(output, torch.Tensor)
        return crop_to(output, image.shape[2:])

    def style(self, image: torch.Tensor) -> torch.Tensor:
        """What each image of (B, C, [Z,] Y, X) is like as a whole: (B, features[-1]) float32, of unit length."""
        return _style(self._levels(image)[-1])

    def _levels(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features at each level, from fine to coarse."""
        levels: list[torch.Tensor] = []
        multiples = self._multiples
        if self._reflects:  # a single pixel at the deepest level has none to reflect
            sides = zip(image.shape[2:], multiples, strict=True)
            multiples = tuple(2 * each if length <= each else each for length, each in sides)
        padded = pad_to_network(image, multiples)
        for number, block in enumerate(self.down):
            levels.append(
                self._through(block, self._shrink(levels[-1], self._strides[number - 1]) if number else padded)
            )
        return levels

    def _through(self, block: nn.Module, *given: torch.Tensor) -> torch.Tensor:
        if not (self.recomputes and self.training and torch.is_grad_enabled()):
            answer = block(*given)
        else:
            answer = checkpoint(block, *given, use_reentrant=False, context_fn=lambda: _statistics_once(block))
        assert isinstance(answer, torch.Tensor)
        return answer


def style_unet(
    dim: int,
    *,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    residual_on: bool = True,
    style_on: bool = True,
    concatenation: bool = False,
    anisotropic_levels: int = 0,
    padding_mode: Literal["zeros", "reflect"] = "zeros",
) -> nn.Module:
    """The network of Cellpose and Omnipose, with `features[i]` channels at level i (theirs are 32, 64, 128, 256).

    Each block has four convolutions of 3 pixels a side, each after batch normalization and ReLU; levels are halved by
    the largest of 2 and enlarged by repeating. The style is the mean of the deepest features over the image, brought
    to unit length; a linear layer adds it before each convolution on the way up but the first of a block.

    Parameters
    ----------
    residual_on
        Whether blocks add what went in after each pair of convolutions; without it they have two convolutions.
    style_on
        Whether the style enters the way up.
    concatenation
        Whether skips are put beside the features instead of added to them.
    anisotropic_levels
        How many of the halvings, from fine to coarse, leave z as it is.
    padding_mode
        What convolutions see beyond the edges: `zeros`, as in Cellpose, or `reflect`, as in Omnipose 1.1.4.

    Stringer et al. 2021, https://doi.org/10.1038/s41592-020-01018-x (figure 1), and Cutler et al. 2022,
    https://doi.org/10.1038/s41592-022-01639-4.
    """
    return StyleUNet(
        dim,
        input_channels=input_channels,
        output_channels=output_channels,
        features=features,
        residual_on=residual_on,
        style_on=style_on,
        concatenation=concatenation,
        anisotropic_levels=anisotropic_levels,
        padding_mode=padding_mode,
    )


def _statistics_once(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Around the first answer of `block` and the second, which must not move the running statistics again."""
    return nullcontext(), changed_momentum(block, lambda usual: 0.0)


def _style(deepest: torch.Tensor) -> torch.Tensor:
    # in 32 bits: a mean over many pixels, whatever the precision of the rest
    return F.normalize(deepest.float().flatten(2).mean(dim=2), dim=1)


class _Down(nn.Module):
    def __init__(self, dim: int, *, before: int, after: int, residual_on: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(_step(dim, before=before, after=after), _step(dim, before=after, after=after))
        self.second = (
            nn.Sequential(_step(dim, before=after, after=after), _step(dim, before=after, after=after))
            if residual_on
            else None
        )
        self.project = _projection(dim, before=before, after=after) if residual_on else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.first(x)
        if self.project is not None and self.second is not None:
            features = self.project(x) + features
            features = features + self.second(features)
        assert isinstance(features, torch.Tensor)
        return features


class _Up(nn.Module):
    def __init__(
        self, dim: int, *, before: int, after: int, style_features: int, residual_on: bool, concatenation: bool
    ) -> None:
        super().__init__()
        self.concatenation = concatenation
        self.enter = _step(dim, before=before, after=after)
        self.join = _Styled(
            dim, before=2 * after if concatenation else after, after=after, style_features=style_features
        )
        self.second = (
            nn.ModuleList(_Styled(dim, before=after, after=after, style_features=style_features) for _ in range(2))
            if residual_on
            else None
        )
        self.project = _projection(dim, before=before, after=after) if residual_on else None

    def forward(self, x: torch.Tensor, skip: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        features = self.enter(x)
        features = self.join(torch.cat([skip, features], dim=1) if self.concatenation else features + skip, style)
        if self.project is not None and self.second is not None:
            features = self.project(x) + features
            refined = features
            for block in self.second:
                refined = block(refined, style)
            features = features + refined
        assert isinstance(features, torch.Tensor)
        return features


class _Styled(nn.Module):
    """A step that is told the style; without features of a style it is a plain one."""

    def __init__(self, dim: int, *, before: int, after: int, style_features: int) -> None:
        super().__init__()
        self.tell = nn.Linear(style_features, before) if style_features else None
        self.step = _step(dim, before=before, after=after)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        if self.tell is not None:
            shift = self.tell(style)
            x = x + shift.view(*shift.shape, *[1] * (x.ndim - 2))
        features = self.step(x)
        assert isinstance(features, torch.Tensor)
        return features


def _step(dim: int, *, before: int, after: int, side: int = 3) -> nn.Sequential:
    return nn.Sequential(
        _NORM[dim](before, momentum=_MOMENTUM), nn.ReLU(), _CONV[dim](before, after, side, padding=side // 2)
    )


def _projection(dim: int, *, before: int, after: int) -> nn.Sequential:
    """What lets the input of a block be added to its output."""
    return nn.Sequential(_NORM[dim](before, momentum=_MOMENTUM), _CONV[dim](before, after, 1))
