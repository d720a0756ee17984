import numpy as np
import pytest
from scipy import ndimage
from shapes import tiles
from skimage.morphology import dilation

from nbtrainer.labels.clean import clear_border, dilate, fill_holes, merge_links, relabel_pieces, remove_small


def test_each_piece_becomes_an_object_and_the_largest_keeps_the_id():
    labels = np.array([[4, 0, 4, 4, 0, 2], [0, 0, 0, 4, 0, 0], [9, 0, 9, 0, 2, 0]], np.uint8)
    # corners connect: the two 2s on the right are apart, the 4s on the left too
    expected = np.array([[10, 0, 4, 4, 0, 2], [0, 0, 0, 4, 0, 0], [9, 0, 11, 0, 12, 0]])
    assert np.array_equal(relabel_pieces(labels), expected)


def test_new_ids_find_room_in_a_larger_type():
    labels = np.zeros((3, 300), np.uint8)
    labels[1, ::2] = 255
    pieces = relabel_pieces(labels)
    assert pieces.max() == 255 + 149 and pieces.dtype == np.uint16
    labels = tiles(280, 250, side=1, gap=1) % 7 + 0
    assert len(np.unique(relabel_pieces(labels))) == np.count_nonzero(labels) + 1
    assert relabel_pieces(np.zeros((4, 4), np.uint8)).max() == 0
    with pytest.raises(ValueError, match="do not fit"):
        relabel_pieces(np.array([[2**32 - 1, 0, 2**32 - 1]], np.uint32))


def test_small_objects_become_background():
    labels = np.array([[1, 1, 1, 2, 3, 3, 0, 70_000]])
    assert remove_small(labels, 2).tolist() == [[1, 1, 1, 0, 3, 3, 0, 0]]
    assert remove_small(labels, 1).tolist() == labels.tolist()


def test_small_objects_become_part_of_the_one_that_they_touch_most():
    labels = np.array(
        [
            [1, 1, 1, 2, 2, 2],
            [1, 1, 5, 2, 2, 2],
            [1, 1, 2, 2, 2, 2],
            [0, 0, 0, 0, 0, 0],
            [8, 0, 6, 7, 0, 0],
        ]
    )
    mended = remove_small(labels, 3, to="neighbour")
    # 5 shares 2 faces with each; the 9 pixels of 2 outweigh the 7 of 1. 8 has no neighbour, 6 and 7 only each other.
    assert mended[1, 2] == 2
    assert not mended[4].any()
    assert np.array_equal(np.delete(mended[:3].ravel(), 8), np.delete(labels[:3].ravel(), 8))


def test_a_chain_of_small_objects_ends_at_the_large_one():
    labels = np.array([[9, 9, 9, 9, 1, 2, 3, 0, 4]])
    assert remove_small(labels, 4, to="neighbour").tolist() == [[9, 9, 9, 9, 9, 9, 9, 0, 0]]
    assert remove_small(np.array([[1, 2, 3, 0]]), 3, to="neighbour").tolist()[0][:3] in ([1] * 3, [2] * 3, [3] * 3)


@pytest.mark.parametrize("to", ["background", "neighbour"])
def test_nothing_small_is_left(to):
    labels = np.random.default_rng(0).integers(0, 400, (60, 60)).astype(np.uint32)
    cleaned = remove_small(labels, 20, to=to)
    assert np.unique(cleaned[cleaned > 0], return_counts=True)[1].min(initial=99) >= 20
    kept = cleaned[labels > 0] > 0
    assert kept.mean() > 0.9 if to == "neighbour" else kept.mean() < 0.1


def test_holes_are_filled_as_scipy_fills_them():
    labels = np.zeros((30, 30), np.uint16)
    labels[2:12, 2:12] = 300
    labels[4:8, 4:8] = 0
    labels[15:25, 15:25] = 4
    labels[16:20, 16:20] = 0
    labels[17, 17] = 5
    labels[0:3, 20:23] = 6
    labels[0, 21] = 0  # open to the edge
    filled = fill_holes(labels)
    assert np.array_equal(filled == 300, ndimage.binary_fill_holes(labels == 300))
    assert np.array_equal(filled[15:25, 15:25], labels[15:25, 15:25])  # another object is inside
    assert filled[0, 21] == 0
    shell = np.zeros((9, 9, 9), np.uint8)
    shell[1:8, 1:8, 1:8] = 3
    shell[3:6, 3:6, 3:6] = 0
    assert np.count_nonzero(fill_holes(shell)) == 7**3
    open_tube = shell.copy()
    open_tube[:6, 4, 4] = 0
    assert np.array_equal(fill_holes(open_tube), open_tube)


@pytest.mark.parametrize("times", [0, 1, 3])
def test_dilation_is_that_of_scikit_image_in_each_slice(times):
    labels = tiles(5, 6, side=2, gap=4).astype(np.uint32)
    labels[0, 0] = 2**32 - 1
    expected = labels
    for _ in range(times):
        expected = dilation(expected, ndimage.generate_binary_structure(2, 1))
    assert np.array_equal(dilate(labels, times), expected)
    stack = np.stack([labels, np.zeros_like(labels)])
    assert np.array_equal(dilate(stack, times), np.stack([expected, np.zeros_like(labels)]))
    expected = stack
    for _ in range(times):
        expected = dilation(expected, ndimage.generate_binary_structure(3, 1))
    assert np.array_equal(dilate(stack, times, across_slices=True), expected)


def test_a_frame_is_cleared_in_y_and_x():
    labels = np.ones((2, 7, 9), np.uint8)
    assert clear_border(labels, 0).sum() == 126
    assert clear_border(labels, 2).sum() == 2 * 3 * 5
    assert clear_border(labels, 4).sum() == 0
    assert labels.sum() == 126


@pytest.mark.feature(55)
def test_linked_ids_become_the_smallest_of_them():
    labels = np.array([[0, 5, 3, 8, 70_000, 12, 13]], np.uint32)
    links = [(8, 5), (5, 70_000), (12, 99), (99, 13), (0, 3), (200, 300)]
    assert merge_links(labels, links).tolist() == [[0, 5, 3, 5, 5, 12, 12]]
    assert np.array_equal(merge_links(labels, []), labels)
    assert np.array_equal(merge_links(labels, [(200, 300)]), labels)


def test_arrays_that_are_no_labels_are_refused():
    for array in (np.zeros((3, 3)), np.zeros(3, int), np.full((2, 2), 2**40)):
        with pytest.raises(ValueError, match=r"whole numbers|ids end"):
            relabel_pieces(array)
    assert relabel_pieces(np.array([[-1, 3]])).tolist() == [[0, 3]]
