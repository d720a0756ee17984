import numpy as np
import pytest
import torch

from nbtrainer.augment.warp import flip_rotate_image
from nbtrainer.inference.tiled import flips_and_rotations
from nbtrainer.losses.flow import FlowLoss
from nbtrainer.tasks.instance_flow import InstanceFlow


def _touching_discs(shape=(70, 90)) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    label = np.zeros(shape, np.uint16)
    for number, (at_y, at_x, radius) in enumerate([(20, 22, 12), (20, 46, 12), (50, 30, 15), (48, 70, 14)], 3):
        label[(np.hypot(y - at_y, x - at_x) <= radius) & (label == 0)] = number
    return label


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two label images are the same up to their numbers."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return len(pairs[0]) == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.feature(134)
@pytest.mark.parametrize("decode_by", ["join", "points", "affinity"])
def test_encode_then_decode_gives_the_objects_back(decode_by):
    label = _touching_discs()
    task = InstanceFlow.create(dim=2, decode_by=decode_by)
    found = task.decode(task.encode(label)[:3])
    assert len(np.unique(found)) == len(np.unique(label))
    assert ((found > 0) == (label > 0)).mean() > 0.995


def test_in_a_volume_too():
    z, y, x = np.ogrid[:30, :40, :50]
    label = np.zeros((30, 40, 50), np.uint8)
    label[(z - 15) ** 2 + (y - 20) ** 2 + (x - 15) ** 2 <= 100] = 1
    label[((z - 15) ** 2 + (y - 20) ** 2 + (x - 33) ** 2 <= 90) & (label == 0)] = 2
    task = InstanceFlow.create(dim=3)
    assert task.channels == ("flow z", "flow y", "flow x", "distance")
    assert _same(task.decode(task.encode(label)[:4]), label)


@pytest.mark.feature(135)
def test_the_boundary_is_a_channel_of_its_own_and_is_learned():
    task = InstanceFlow.create(dim=2, with_boundary=True)
    assert task.channels == ("flow y", "flow x", "distance", "boundary")
    target = torch.from_numpy(task.encode(_touching_discs()))[None]
    output = torch.zeros(1, 4, *target.shape[2:], requires_grad=True)
    loss = FlowLoss()
    loss(output, target).backward()
    assert set(loss.terms) == {"flow", "direction", "boundary", "norm", "distance", "euler"}
    assert output.grad[:, 3].abs().sum() > 0


@pytest.mark.feature(55)
def test_linked_parts_are_one_object():
    label = np.zeros((40, 60), np.uint8)
    label[10:30, 5:30], label[10:30, 30:55] = 1, 2
    task = InstanceFlow.create(dim=2)
    assert task.decode(task.encode(label)[:3]).max() == 2
    assert task.decode(task.encode(label, [(1, 2)])[:3]).max() == 1
    assert task.objects(label, [(1, 2)]).max() == 1


def test_parts_of_one_value_that_do_not_touch_are_objects_of_their_own():
    label = np.zeros((30, 60), np.uint8)
    label[5:20, 5:20] = label[5:20, 35:50] = 7
    task = InstanceFlow.create(dim=2)
    assert task.decode(task.encode(label)[:3]).max() == 2
    assert len(np.unique(task.objects(label))) == 3


@pytest.mark.parametrize("matrix", flips_and_rotations(2)[1:])
def test_the_flow_of_a_turned_image_turned_back_is_that_of_the_image(matrix):
    task = InstanceFlow.create(dim=2)
    label = _touching_discs()
    there = task.encode(flip_rotate_image(label[None], matrix=matrix)[0])
    assert np.allclose(
        task.undo_flip_rotation(flip_rotate_image(there, matrix=matrix.T), matrix), task.encode(label), atol=1e-4
    )


def test_objects_at_pixels_of_which_nothing_is_known_are_unknown():
    label = _touching_discs()
    label[:12] = 255
    task = InstanceFlow.create(dim=2, ignored=255)
    target = task.encode(label)
    assert np.isnan(target[:, label == 3]).all() and np.isnan(target[:, label == 255]).all()
    assert np.isfinite(target[:, label == 5]).all() and np.isfinite(target[:, 65]).all()


def test_scores_of_the_truth_are_perfect():
    from nbtrainer import metrics

    task = InstanceFlow.create(dim=2)
    label = _touching_discs()
    names = ["ap_50", "dice", "panoptic_quality"]
    found = metrics.scores(task.tally(task.encode(label)[:3], label=label, names=names), names)
    assert found["dice"] == found["ap_50"] == 1 and found["panoptic_quality"] > 0.99


def test_a_task_of_flows_survives_its_record():
    task = InstanceFlow.create(dim=3, with_boundary=True, mask_threshold=0.5, spacing=(2.0, 1.0, 1.0))
    assert InstanceFlow.from_record(task.as_record()) == task
