import numpy as np

from nbtrainer.labels.flow.neighbours import affinity, neighbour_offsets, rim


def test_touching_objects_are_apart_unless_linked():
    labels = np.array([[1, 1, 2, 2]] * 3, np.uint8)
    right = int(np.flatnonzero((neighbour_offsets(2) == [0, 1]).all(axis=1))[0])
    assert affinity(labels)[right].tolist() == [[True, False, True, True]] * 3
    assert affinity(labels, [(1, 2)])[right].all()


def test_the_edge_of_the_array_closes_no_object():
    assert affinity(np.ones((3, 4), np.uint8)).all()
    assert not rim(np.ones((3, 4, 5), np.uint8)).any()


def test_links_work_by_way_of_others_and_background_belongs_to_nothing():
    labels = np.array([[1, 2, 3, 0]], np.uint16)
    found = affinity(labels, [(1, 2), (2, 3)])
    right = int(np.flatnonzero((neighbour_offsets(2) == [0, 1]).all(axis=1))[0])
    assert found[right].tolist() == [[True, True, False, False]]


def test_the_rim_has_neighbours_of_both_sorts():
    labels = np.zeros((7, 7), np.uint8)
    labels[1:6, 1:6] = 1
    labels[0, 0] = 2
    expected = labels == 1
    expected[2:5, 2:5] = False
    # a pixel in the corner of the array goes on beyond it; one by itself has no neighbour of its own
    expected[0, 0] = True
    assert np.array_equal(rim(labels), expected)
    single = np.zeros((3, 3), np.uint8)
    single[1, 1] = 1
    assert not rim(single).any()
