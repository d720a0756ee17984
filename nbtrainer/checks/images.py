"""The check of the images: intensities, copies, sizes, types and channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbtrainer.checks.files import Checked
from nbtrainer.config import Config
from nbtrainer.data.grey_channels import is_grey_in_colours
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.statistics import LARGEST_VALUE
from nbtrainer.errors import Finding
from nbtrainer.io.axes import colour_axis, format_shape
from nbtrainer.io.formats import open_image

# more of an image than this at the highest value is overexposed; of colours (a bright background) far more
_SATURATED, _SATURATED_COLOURS = 0.05, 0.5
# how many times as many pixels the largest image may have
_SIZES_APART = 16


def check_images(config: Config, sound: Sequence[Checked]) -> Iterator[Finding]:
    """Findings about the images that can be read, one by one and together."""
    for known in sound:
        yield from _intensities(known)
        yield from _transparency(config, known)
    yield from _channels_agree(config, sound)
    yield from _axes(config, sound)
    yield from _sizes(sound)
    yield from _types(sound)


def _intensities(known: Checked) -> Iterator[Finding]:
    image, where = known.image, str(known.pair.image)
    if not image.finite:
        yield Finding(
            where=where,
            wrong="it holds values that are no numbers (NaN or infinity)",
            remedy="Replace them, for example by 0, and save the image again",
            fix="exclude",
            files=(where,),
        )
    elif max(-image.minimum, image.maximum) > LARGEST_VALUE:
        yield Finding(
            where=where,
            wrong=f"its values reach from {image.minimum:g} to {image.maximum:g}, which is too large to calculate with",
            remedy="Replace numbers that mean 'nothing here', for example by 0, or save the image in another unit",
            fix="exclude",
            files=(where,),
        )
    elif image.minimum == image.maximum:
        yield Finding(
            level="warning",
            where=where,
            wrong=f"every pixel has the value {image.minimum:g}",
            remedy="Is this image empty? It teaches nothing",
            fix="exclude",
            files=(where,),
        )
    elif image.saturated > (_SATURATED if known.channels < 3 else _SATURATED_COLOURS):
        yield Finding(
            level="warning",
            where=where,
            wrong=f"{image.saturated:.0%} of its pixels have the highest value, {image.maximum:g}: it is overexposed",
            remedy="What is cut off there cannot be learned; record with less light or gain. Or is this a mask?",
            files=(where,),
        )


def _transparency(config: Config, known: Checked) -> Iterator[Finding]:
    """Four channels of which the last one says nothing."""
    axis = colour_axis(known.image.shape, known.image.axes)
    if known.channels != 4 or config.data.channels or axis is None or known.image.shape[axis] != 4:
        return
    opened = open_image(known.pair.image)
    region = [slice(length // 4, length // 4 + min(256, length)) for length in known.image.shape]
    region[axis] = slice(3, 4)
    alpha = opened.read(tuple(region))
    if alpha.size and alpha.min() == alpha.max():
        yield Finding(
            level="warning",
            where=str(known.pair.image),
            wrong=f"its fourth channel has the value {alpha.min():g} everywhere: it is transparency, as of a screenshot",
            remedy="Set data.channels to 0, 1, 2, so that models also take images without it",
            files=(str(known.pair.image),),
        )


def _axes(config: Config, sound: Sequence[Checked]) -> Iterator[Finding]:
    """Settings of axes that no image has: where there is nothing to choose, they are not looked at."""
    for name in ("channel_axis", "z_axis"):
        axis = getattr(config.data, name)
        counts = {len(known.image.shape) for known in sound}
        if axis is not None and counts and not any(-count <= axis < count for count in counts):
            yield Finding(
                level="warning",
                where=f"data.{name}",
                wrong=f"no image has an axis {axis}: they have {max(counts)} axes at most",
                remedy=f"Axes are counted from 0; choose 0 to {max(counts) - 1}, or none",
            )


def _channels_agree(config: Config, sound: Sequence[Checked]) -> Iterator[Finding]:
    channels: dict[int, Path] = {}
    for known in sound:
        channels.setdefault(known.channels, known.pair.image)
    if len(channels) > 1:
        (first, one), (second, other) = list(channels.items())[:2]
        files = tuple(str(known.pair.image) for known in sound if known.channels == second)
        remedy = "All images need the same number of channels; train on one kind at a time, or set data.channel_rule "
        remedy += "and model.input_channels"
        grey = _grey_in_colours([known for known in sound if known.channels > 1]) if 1 in channels else ""
        if grey:
            remedy = f"{grey} is grey saved as colour: set model.input_channels to 1 and data.channel_rule to remove, "
            remedy += "so that of each image the first channel is read"
        yield Finding(
            where=str(other),
            wrong=f"it has {_channels(second)}, but {one.name} has {_channels(first)}",
            remedy=remedy,
            files=files,
        )
    expected = config.model.input_channels
    if expected != "auto" and channels and expected not in channels:
        yield Finding(
            where="model.input_channels",
            wrong=f"the network expects {_channels(expected)}, but the images have {_channels(next(iter(channels)))}",
            remedy="Set it to auto, or data.channel_rule to copy channels",
            suggestions=("auto",),
        )


def _grey_in_colours(coloured: Sequence[Checked]) -> str:
    """The name of the first, if all of these images show a grey in equal colours."""
    for known in coloured:
        opened, where = open_image(known.pair.image), str(known.pair.image)
        plain = Preparation.as_stored(len(known.shape), channel_axis=None, z_axis=None)
        if not is_grey_in_colours(plain.image(opened, where, 0, plain.layout_of(opened, where))):
            return ""
    return coloured[0].pair.image.name if coloured else ""


def _sizes(sound: Sequence[Checked]) -> Iterator[Finding]:
    sizes = sorted(sound, key=lambda known: _pixels(known.shape))
    if sizes and _pixels(sizes[-1].shape) > _SIZES_APART * _pixels(sizes[0].shape):
        small, large = sizes[0], sizes[-1]
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"images differ much in size: {small.pair.image.name} is {format_shape(small.shape)}, "
            f"{large.pair.image.name} is {format_shape(large.shape)}",
            remedy="Patches are drawn by area, so that large images outweigh small ones; divide the large ones, and make "
            "sure that all have the same pixel size",
            files=(str(small.pair.image), str(large.pair.image)),
        )


def _types(sound: Sequence[Checked]) -> Iterator[Finding]:
    types = Counter(known.image.dtype for known in sound)
    if len(types) > 1:
        listed = " and ".join(
            f"{name} ({count} image{'s' if count > 1 else ''})" for name, count in types.most_common()
        )
        rarest = types.most_common()[-1][0]
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"images have different types of numbers: {listed}",
            remedy="Normalization of each image evens out their ranges; do they come from the same source?",
            files=tuple(str(known.pair.image) for known in sound if known.image.dtype == rarest),
        )


def _pixels(shape: Sequence[int]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"
