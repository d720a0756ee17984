import numpy as np
import pytest
from crowds import crowd, matched
from decoders import cells_from_channels
from scipy.ndimage import binary_dilation, label
from shapes import tiles
from skimage.segmentation import watershed

from nbtrainer.labels.outlines import cells_from_outlines, outline_channels, outline_mask


def tissue(pitch=24, shape=(200, 240), seed=0):
    """(Y, X): cells that fill the image, each around a point that lies somewhere in its square of a grid."""
    rng = np.random.default_rng(seed)
    corners = np.stack(np.mgrid[4 : shape[0] - 16 : pitch, 4 : shape[1] - 16 : pitch], -1).reshape(-1, 2)
    points = np.zeros(shape, np.int32)
    points[tuple((corners + rng.integers(0, pitch // 2, corners.shape)).T)] = np.arange(1, len(corners) + 1)
    return watershed(np.zeros(shape, np.uint8), points).astype(np.uint16)


def test_the_channels_are_what_epyseg_says():
    cells = tissue()
    outline, once, twice, inside, far_inside, seeds, no_seeds = outline_channels(cells)
    assert set(np.unique(outline)) == {0, 1}
    assert np.array_equal(once, binary_dilation(outline))  # a cross: neighbours share a face
    assert np.array_equal(twice, binary_dilation(outline, iterations=2))
    assert np.array_equal(inside, 1 - once) and np.array_equal(far_inside, 1 - twice)
    assert np.array_equal(no_seeds, 1 - seeds)
    assert not (seeds * outline).any()


def test_outlines_are_one_pixel_wide_and_part_every_two_cells():
    cells = tissue()
    regions, _ = label(~outline_mask(cells))
    for value in range(1, regions.max() + 1):
        assert len(np.unique(cells[regions == value])) == 1
    halves = np.repeat(np.array([[1, 2]], np.uint8), 20, axis=1).repeat(10, axis=0)
    assert outline_mask(halves).sum() == 10


@pytest.mark.parametrize("cells", [tissue(), crowd(), tiles(20, 20, 1, 0), tiles(20, 20, 1, 1)])
def test_every_cell_has_one_seed(cells):
    seeds = outline_channels(cells)[5] > 0
    for value in np.unique(cells[cells != 0]):
        own = seeds & (cells == value)
        assert own.any() and label(own, np.ones((3, 3)))[1] == 1
    assert not (seeds & (cells == 0)).any()


def test_cells_come_back():
    for cells in (tissue(), tiles(8, 8, 20, 0), tiles(8, 8, 20, 1), tiles(8, 8, 20, 6)):
        cells = np.pad(cells, 12)
        found = cells_from_channels(outline_channels(cells))
        assert found.max() == len(np.unique(cells)) - 1
        assert min(matched(cells, found).values()) > 0.75


def test_drawn_lines_of_any_width_give_the_cells_between_them():
    cells = tissue(40)
    for width in (1, 3, 7):
        lines = binary_dilation(outline_mask(cells), np.ones((width, width))) * 255.0
        found = cells_from_outlines(lines)
        iou = matched(cells, found)
        assert found.min() == 1
        assert np.median(list(iou.values())) > 0.85
        thin = cells_from_outlines(lines, keep_line=True) == 0
        assert not (thin & (lines == 0)).any()
        # corners that part nothing go: a watershed's line is as thin as can be
        assert width > 1 or np.mean(thin == (lines > 0)) > 0.98
        assert thin.sum() == outline_channels(cells_from_outlines(lines, keep_line=True), True)[0].sum()
    dangling = np.zeros((20, 20), np.uint8)
    dangling[10, :12] = 1
    assert (cells_from_outlines(dangling) == 1).all()
    assert not cells_from_outlines(np.ones((5, 5), np.uint8)).any()
    assert (cells_from_outlines(np.zeros((5, 5), np.uint8)) == 1).all()


def test_a_region_without_a_seed_is_background_or_a_cell():
    cells = np.pad(tiles(2, 2, 20, 0), 10)
    channels = outline_channels(cells)
    one = np.zeros(cells.shape, bool)
    one[10:29, 10:29] = True
    channels[5][one], channels[6][one] = 0, 1
    assert cells_from_channels(channels).max() == 3
    assert cells_from_channels(channels, keep_unseeded=True).max() == 5  # the outside is one too


def test_cells_at_the_border_can_be_left_out():
    cells = tissue()
    cut = set(np.unique(np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]])).tolist())
    found = cells_from_channels(outline_channels(cells), touching_border=False)
    assert found.max() == len(np.unique(cells)) - len(cut)
    assert not found[0].any() and not found[:, -1].any()


def test_small_cells_join_the_neighbour_they_touch_most():
    cells = tiles(3, 3, 20, 0)
    cells[25:30, 18:20] = 99  # inside 4, touching 5
    channels = outline_channels(cells)
    assert cells_from_channels(channels).max() == 10
    for settings in ({"smallest": 40}, {"smallest_share": 0.5}):
        found = cells_from_channels(channels, **settings)
        assert found.max() == 9 and found.min() == 1


def test_a_stack_is_a_series_of_images():
    stack = np.stack([tissue(seed=seed) for seed in range(3)])
    channels = outline_channels(stack)
    assert channels.shape == (7, *stack.shape)
    assert np.array_equal(channels[:, 1], outline_channels(stack[1]))
    found = cells_from_channels(channels)
    assert all(len(np.unique(plane)) == len(np.unique(own)) for plane, own in zip(found, stack, strict=True))
    assert len(np.unique(found)) == sum(len(np.unique(plane)) for plane in found)
    lines = outline_mask(stack)
    assert lines.shape == stack.shape
    assert cells_from_outlines(lines.astype(np.uint8)).max() == sum(
        cells_from_outlines(plane.astype(np.uint8)).max() for plane in lines
    )


def test_nothing_and_70_000_cells():
    for shape in ((0, 4), (5, 6)):
        channels = outline_channels(np.zeros(shape, np.uint8))
        assert channels.shape == (7, *shape)
        assert not cells_from_channels(channels).any()
    cells = tiles(280, 250, side=5, gap=0)
    found = cells_from_channels(outline_channels(cells))
    assert found.max() == 70_000
