import numpy as np
import pytest
import torch

from nbtrainer import metrics
from nbtrainer.augment.warp import flip_rotate_image
from nbtrainer.config.compile import Compile
from nbtrainer.errors import UserError
from nbtrainer.inference.tiled import flips_and_rotations
from nbtrainer.losses.create import create
from nbtrainer.tasks.instance_contour import InstanceContour
from nbtrainer.tasks.tuning import tune_task


def _raw(target):
    """Output of a network that is sure and right."""
    share = np.clip(np.nan_to_num(target), 1e-4, 1 - 1e-4)
    return np.log(share / (1 - share)).astype(np.float32)


def _labels(dim=2):
    labels = np.zeros((40, 60), np.uint16)
    labels[5:20, 5:20], labels[5:20, 20:40], labels[25:38, 10:30] = 3, 9, 700
    return labels if dim == 2 else np.stack([labels * 0, *[labels] * 8, np.roll(labels, 1, 1) * 0])


FORMATS = [
    {"with_distance": distance, "affinities": affinities}
    for distance in (False, True)
    for affinities in ("none", "nearest", "long_range")
]


@pytest.mark.feature(39, 132)
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("settings", FORMATS)
def test_encode_then_decode_gives_the_objects_back(dim, settings):
    label = _labels(dim)
    task = InstanceContour.create(dim=dim, **settings)
    target = task.encode(label)
    assert target.shape == (task.output_channels, *label.shape) and target.dtype == np.float32
    assert target.min() >= 0 and target.max() <= 1
    found = task.decode(_raw(target))
    assert found.max() == 3
    assert len(np.unique(found.astype(int) * 1000 + label)) == 4
    assert found.shape == label.shape


@pytest.mark.parametrize("dim", [2, 3])
def test_channels_say_what_they_are(dim):
    task = InstanceContour.create(dim=dim, with_distance=True, affinities="nearest")
    assert task.channels[:3] == ("foreground", "contour", "distance")
    assert task.channels[3] == ("affinity -1 0" if dim == 2 else "affinity -1 0 0")
    assert len(task.channels) == 3 + (4 if dim == 2 else 13) == len(set(task.channels))
    assert list(task.probability_maps(np.zeros((task.output_channels, 4, 5)))) == list(task.channels)


def test_the_decoder_that_uses_all_channels_is_chosen():
    assert InstanceContour.create().decoder == "bc_watershed"
    assert InstanceContour.create(with_distance=True).decoder == "bcd_watershed"
    assert InstanceContour.create(with_distance=True, affinities="nearest").decoder == "mutex_watershed"
    assert InstanceContour.create(decoder="binary_connected", affinities="nearest").decoder == "binary_connected"


@pytest.mark.parametrize(
    ("decoder", "missing"), [("bcd_watershed", "task.with_distance"), ("mutex_watershed", "task.affinities")]
)
def test_a_decoder_without_its_channel_is_refused(decoder, missing):
    with pytest.raises(UserError, match=missing):
        InstanceContour.create(decoder=decoder)


@pytest.mark.parametrize("decoder", ["binary_connected", "binary_watershed", "bc_watershed", "bcd_watershed"])
def test_every_decoder_decodes(decoder):
    task = InstanceContour.create(decoder=decoder, with_distance=True)
    found = task.decode(_raw(task.encode(_labels())))
    assert found.max() == (2 if decoder.startswith("binary") else 3)
    assert np.array_equal(found > 0, _labels() > 0)


@pytest.mark.parametrize("settings", FORMATS)
def test_slices_are_decoded_as_images(settings):
    label = _labels(3)
    volume = InstanceContour.create(dim=3, slice_by_slice=True, contours_in_plane=True, **settings)
    plane = InstanceContour.create(dim=2, **settings)
    target = volume.encode(label)
    found = volume.decode(_raw(target))
    assert found.max() == 8 * 3
    assert np.array_equal(target[:, 1], plane.encode(label[1]))
    assert np.array_equal(found[1], plane.decode(_raw(plane.encode(label[1]))))
    scores = metrics.scores(volume.tally(_raw(target), label=label, names=["ap_50"]), ["ap_50"])
    assert scores["ap_50"] == 1


def test_a_task_survives_its_record():
    task = InstanceContour.create(dim=3, spacing=[4, 1, 1], affinities="long_range", labels_of_interest=[3, 0, 2])
    assert InstanceContour.from_record(task.as_record()) == task
    assert task.offsets[13] == (-2, 0, 0)


@pytest.mark.feature(49)
def test_only_labels_of_interest_are_objects():
    task = InstanceContour.create(labels_of_interest=[9])
    assert np.array_equal(task.encode(_labels())[0], _labels() == 9)


def test_pieces_of_one_value_are_objects_unless_linked():
    label = np.zeros((20, 30), np.uint8)
    label[2:8, 2:8], label[2:8, 12:18], label[12:18, 2:8] = 5, 5, 6
    task = InstanceContour.create()
    assert len(np.unique(task.objects(label))) == 4
    linked = task.objects(label, [(6, 5)])
    assert np.unique(linked).tolist() == [0, 5]
    assert len(np.unique(task.objects(label, [(6, 7)]))) == 4


@pytest.mark.parametrize("settings", FORMATS)
def test_nothing_is_learned_from_what_is_not_known(settings):
    label = _labels()
    label[10:14, 15:25] = 65535
    task = InstanceContour.create(ignored=65535, **settings)
    target = task.encode(label)
    assert np.isnan(target[:, 10:14, 15:25]).all()
    assert np.isnan(target[0]).sum() == 40 and np.isnan(target[1]).sum() == 6 * 12
    assert not np.isnan(target[:, 30:, 40:]).any()
    for channel, offset in zip(target[-len(task.offsets) :], task.offsets, strict=False):
        place = 12 - offset[0], 20 - offset[1]
        assert not task.offsets or np.isnan(channel[place])
    loss = create("bce_dice", {}, Compile().loss_parameters, may_ignore=True)
    assert torch.isfinite(loss(torch.zeros(1, *target.shape), torch.from_numpy(target)[None]))


def test_pixel_scores_are_those_of_the_foreground():
    rng = np.random.default_rng(0)
    label = _labels()
    task = InstanceContour.create(decoder="binary_connected", min_object_size=0, affinities="nearest")
    raw = rng.normal(size=(task.output_channels, *label.shape)).astype(np.float32)
    names = ["dice", "iou", "accuracy"]
    one = metrics.scores(task.tally(raw, label=label, names=names), names)
    other = metrics.scores(task.tally_labels(task.decode(raw), label, names), names)
    assert one == pytest.approx(other)


def test_objects_are_scored():
    task = InstanceContour.create()
    label = _labels()
    names = list(task.default_metrics)
    scores = metrics.scores(task.tally(_raw(task.encode(label)), label=label, names=names), names)
    assert all(scores[name] == 1 for name in names)


@pytest.mark.parametrize("matrix", flips_and_rotations(2))
@pytest.mark.parametrize("affinities", ["nearest", "long_range"])
def test_affinities_of_a_turned_image_follow_the_turn(matrix, affinities):
    label = _labels()
    task = InstanceContour.create(affinities=affinities)
    answered = flip_rotate_image(
        task.encode(np.ascontiguousarray(flip_rotate_image(label[None], matrix=matrix)[0])), matrix=matrix.T
    )
    found = task.undo_flip_rotation(np.ascontiguousarray(answered), matrix)
    inner = (
        (slice(None), slice(28, -28), slice(28, -28))
        if affinities == "long_range"
        else (slice(None), slice(1, -1), slice(1, -1))
    )
    label_big = task.encode(label)
    assert np.array_equal(found[inner], label_big[inner])
    assert found.shape == label_big.shape


def test_affinities_of_turned_volumes_follow_too():
    label = _labels(3)
    task = InstanceContour.create(dim=3, affinities="nearest")
    matrix = flips_and_rotations(3)[11]
    answered = flip_rotate_image(
        task.encode(np.ascontiguousarray(flip_rotate_image(label[None], matrix=matrix)[0])), matrix=matrix.T
    )
    found = task.undo_flip_rotation(np.ascontiguousarray(answered), matrix)
    assert np.array_equal(found[:, 1:-1, 1:-1, 1:-1], task.encode(label)[:, 1:-1, 1:-1, 1:-1])


def test_thresholds_are_tuned_and_never_worse():
    label = _labels()
    task = InstanceContour.create(min_object_size=0, threshold=0.9, seed_threshold=0.9)
    raw = _raw(task.encode(label)) * 0.15  # a network that is right, but unsure: at most 0.8
    assert task.decode(raw).max() == 0

    def score(found, truth):
        return float(np.mean([a.max() == len(np.unique(b)) - 1 for a, b in zip(found, truth, strict=True)]))

    better, found = tune_task(task, raws=[raw], objects=[label], score=score)
    assert found.score == 1 > found.first_score == 0
    assert better.decode(raw).max() == 3
    same, _ = tune_task(better, raws=[raw], objects=[label], score=score)
    assert same == better
    assert set(task.candidates) <= set(type(task.settings).model_fields) & set(task.adjustable)


def test_the_baseline_counts_bright_parts():
    image = np.zeros((1, 40, 60))
    image[0][_labels() > 0] = 1
    assert InstanceContour.create().baseline(image).max() == 2
    assert not InstanceContour.create().baseline(np.zeros((1, 8, 8))).any()
