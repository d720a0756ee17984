"""Tiles against the whole image, for a network whose answer depends on what lies near alone."""

import numpy as np
import pytest
import torch
from torch import nn

from nbtrainer.inference.tiled import predict_tiled, predict_tta, prediction_tile

CPU = torch.device("cpu")
_LAYERS = 3  # of 3 x 3: three pixels on each side are seen


def _network(dim: int) -> nn.Module:
    torch.manual_seed(0)
    conv = nn.Conv2d if dim == 2 else nn.Conv3d
    return nn.Sequential(
        conv(1, 4, 3, padding=1), nn.ReLU(), conv(4, 4, 3, padding=1), nn.ReLU(), conv(4, 2, 3, padding=1)
    )


def _edges(full: int, tile: int) -> np.ndarray:
    """Which places along an axis lie within the receptive field of a tile's edge (the image's own edges are none)."""
    step = int(tile * 0.75)
    starts = sorted({min(start, full - tile) for start in range(0, full, step)})
    near = np.zeros(full, bool)
    for start in starts:
        if start > 0:
            near[max(0, start - _LAYERS) : start + _LAYERS] = True
        if start + tile < full:
            near[start + tile - _LAYERS : start + tile + _LAYERS] = True
    return near


@pytest.mark.parametrize(("shape", "tile"), [((150, 211), (64, 64)), ((40, 50, 70), (24, 32, 32))])
def test_beyond_the_receptive_field_of_a_seam_tiles_answer_as_the_whole_image(shape, tile):
    image = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    network = _network(len(shape))
    whole = predict_tiled(network, image, shape, CPU)
    tiled = predict_tiled(network, image, tile, CPU)
    near = np.zeros(shape, bool)
    for axis, (full, length) in enumerate(zip(shape, tile, strict=True)):
        near |= np.expand_dims(_edges(full, length), [other for other in range(len(shape)) if other != axis])
    assert 0.1 < near.mean() < 0.95
    assert np.abs(tiled - whole)[:, ~near].max() < 1e-4
    # and at the seams the blend keeps it close
    assert np.abs(tiled - whole).mean() < 0.05 * whole.std()


@pytest.mark.parametrize(("shape", "tile"), [((157, 214), (40, 56)), ((11, 61, 70), (8, 40, 40))])
def test_tiles_of_a_network_that_halves_start_where_those_of_the_whole_image_do(shape, tile):
    image = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    dim, multiples = len(shape), (4,) * len(shape)
    pool, network = (nn.AvgPool2d, nn.AvgPool3d)[dim - 2](4), nn.Sequential()
    network.append(pool).append(nn.Upsample(scale_factor=4))  # each block of four pixels a side by itself
    whole = predict_tiled(network, image, [-(-length // 4) * 4 for length in shape], CPU, divisors=multiples)
    assert np.abs(predict_tiled(network, image, tile, CPU, divisors=multiples) - whole).max() < 1e-5
    assert np.abs(predict_tiled(network, image, tile, CPU) - whole).max() > 0.1  # without it they do not


@pytest.mark.parametrize(
    ("tile", "shape", "expected"),
    [
        ((256, 256), (2000, 3000), [728, 720]),
        ((256, 256), (260, 400), [264, 400]),  # one tile is enough
        ((256, 256), (100, 3000), [256, 2048]),
        ((64, 64, 64), (500, 500, 500), [128, 128, 128]),
        ((64, 64, 64), (70, 20, 500), [72, 64, 448]),
    ],
)
def test_tiles_hold_at_most_as_many_pixels_as_eight_of_the_training(tile, shape, expected):
    found = prediction_tile(tile, shape=shape, divisors=(8,) * len(tile))
    assert found == expected
    assert np.prod(found) <= 8 * np.prod(tile)


@pytest.mark.parametrize("side", [8, 16, 32])
def test_a_tile_that_the_network_would_pad_shows_more_of_the_image_instead(side):
    image = np.random.default_rng(0).normal(size=(1, 150, 100)).astype(np.float32)
    network = _network(2)
    whole = predict_tiled(network, image, (150, 100), CPU)
    tiled = predict_tiled(network, image, (side, side), CPU, divisors=(32, 32))
    assert np.abs(tiled - whole).mean() < 0.05 * np.abs(whole).mean()


def test_one_tile_is_the_whole_image():
    image = np.random.default_rng(0).normal(size=(1, 48, 56)).astype(np.float32)
    network = _network(2)
    with torch.inference_mode():
        expected = network(torch.from_numpy(image)[None])[0].numpy()
    assert np.abs(predict_tiled(network, image, (48, 56), CPU) - expected).max() < 1e-5


class _ShortOfMemory(nn.Module):
    """Stands for a device on which so many pixels fit, and no more."""

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network, self.most = network, most
        self.seen: list[tuple[int, ...]] = []

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        if tiles.numel() > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen.append(tuple(tiles.shape))
        return self.network(tiles)


def test_where_memory_runs_out_fewer_tiles_are_seen_at_once(recwarn):
    image = np.random.default_rng(0).normal(size=(1, 300, 300)).astype(np.float32)
    expected = predict_tta(_network(2), image, (128, 128), CPU, tta=2)
    network = _ShortOfMemory(_network(2), 304 * 304)
    assert np.allclose(predict_tta(network, image, (128, 128), CPU, tta=2), expected, atol=1e-5)
    # what torch imports on the way may warn of something else
    assert not [str(warning) for warning in recwarn.list if "site-packages" not in warning.filename]


def test_and_then_those_of_the_training_which_is_told():
    image = np.random.default_rng(0).normal(size=(1, 300, 300)).astype(np.float32)
    network = _ShortOfMemory(_network(2), 2 * 128 * 128)
    with pytest.warns(UserWarning, match="memory ran out: images are predicted in tiles of 128 x 128 pixels"):
        found = predict_tta(network, image, (128, 128), CPU)
    assert set(network.seen) <= {(2, 1, 128, 128), (1, 1, 128, 128)}
    expected = predict_tiled(_network(2), image, (128, 128), CPU)
    assert np.allclose(found, expected, atol=1e-5)


def test_one_tile_that_does_not_fit_is_the_end():
    image = np.zeros((1, 300, 300), np.float32)
    with pytest.raises(torch.OutOfMemoryError):
        predict_tta(_ShortOfMemory(_network(2), 100), image, (128, 128), CPU)


def test_tiles_of_any_size_are_rounded_to_what_the_network_computes_on():
    network = _ShortOfMemory(_network(2), 10**9)
    predict_tta(network, np.zeros((1, 45, 45), np.float32), (45, 45), CPU, divisors=(8, 8))
    assert set(network.seen) == {(1, 1, 48, 48)}
