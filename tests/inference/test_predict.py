from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.augment.warp import flip_rotate_image
from nbtrainer.errors import UserError
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.inference.tiled import flips_and_rotations, predict_tta


@pytest.fixture
def run(trained):
    return trained


@pytest.mark.feature(94, 128)
def test_predictions_need_the_checkpoint_alone(run, tmp_path, discs):
    alone = tmp_path / "moved.pt"
    alone.write_bytes(run.best.read_bytes())
    image = Path(discs.images) / "img_0.tif"
    expected = nbt.load_model(run.directory).predict(image)
    run.directory.rename(tmp_path / "gone")
    model = nbt.load_model(alone)
    found = model.predict(tifffile.imread(image))
    assert np.array_equal(found, expected)
    assert set(np.unique(found)) == {0, 255}
    assert found.shape == (64, 64)


@pytest.mark.feature(94)
def test_brightness_is_normalised_at_prediction_as_in_training(run, discs):
    image = tifffile.imread(Path(discs.images) / "img_0.tif").astype(np.float64)
    model = nbt.load_model(run.directory)
    assert np.allclose(model.predict_raw(image), model.predict_raw(image * 37 + 1000), atol=1e-2)


@pytest.mark.parametrize("shape", [(64, 64), (31, 200), (5, 5), (130, 97)])
def test_any_size_can_be_predicted(run, shape):
    image = np.random.default_rng(0).random(shape)
    model = nbt.load_model(run.directory)
    assert model.predict(image).shape == shape
    assert model.predict_raw(image).shape == (1, *shape)


def test_a_checkpoint_holds_plain_values_only(run):
    record = torch.load(run.best, weights_only=True)
    assert {"weights", "config", "normalization", "task", "score", "step", "resume", "versions"} <= set(record)
    assert load_checkpoint(run.best)["score"] == max(row["validation_dice"] for row in run.history)


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_what_is_no_checkpoint_is_refused_by_name(tmp_path, content):
    path = tmp_path / "model.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(nbt.UserError, match=r"model\.pt"):
        nbt.load_model(path)
    with pytest.raises(nbt.UserError, match="holds no model"):
        nbt.load_model(tmp_path)


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"format": 1, "weights": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(nbt.UserError, match=r"evil\.pt"):
        nbt.load_model(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_an_image_with_other_channels_is_refused(run):
    with pytest.raises(nbt.UserError, match="3 channels, but the model was trained on 1"):
        nbt.load_model(run.directory).predict(np.random.default_rng(0).random((64, 64, 3)))


def test_evaluate_scores_each_image_and_their_mean(run, discs):
    scores = nbt.evaluate(run.directory, discs.images, discs.labels)
    assert [row["image"] for row in scores["images"]] == ["img_0.tif", "img_1.tif", "img_2.tif"]
    assert scores["overall"]["dice"] == pytest.approx(np.mean([row["dice"] for row in scores["images"]]))
    model = nbt.load_model(run.directory)
    arrays = [tifffile.imread(path) for path in sorted(Path(discs.images).iterdir())]
    labels = [tifffile.imread(path) for path in sorted(Path(discs.labels).iterdir())]
    assert nbt.evaluate(model, arrays, labels)["overall"] == scores["overall"]
    predicted, truth = model.predict(arrays[0]) > 0, labels[0] > 0
    assert scores["images"][0]["dice"] == pytest.approx(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))


def test_labels_are_scored_as_training_reads_them(run, discs):
    model = nbt.load_model(run.directory)
    image, label = (tifffile.imread(min(Path(folder).iterdir())) for folder in (discs.images, discs.labels))
    scores = nbt.evaluate(model, image, label)["overall"]
    assert nbt.evaluate(model, image[None], label)["overall"] == scores  # one image, its channel said
    for same in (
        label.astype(np.float32),
        label.astype(np.int64),
        label > 0,
        torch.from_numpy(label > 0),
        label.tolist(),
    ):
        assert nbt.evaluate(model, [image], [same])["overall"] == scores


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (np.full((64, 64), 0.25), "between whole numbers"),
        (np.full((64, 64), 2**40), "holds the value 1099511627776, which is too large"),
        (np.full((64, 64), -1), "holds the negative value -1"),
        (None, "NoneType is no array of numbers"),
    ],
)
def test_labels_that_training_would_refuse_are_not_scored(run, label, said):
    with pytest.raises(nbt.UserError, match=said):
        nbt.evaluate(run.directory, [np.zeros((64, 64), np.uint8)], [label])


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (None, "NoneType is no array of numbers"),
        ([[1, 2], [3]], "list is no array of numbers"),
        (np.zeros((4, 4), object), "ndarray is no array of numbers"),
        (np.zeros((2, 3, 4, 5)), "Give an image as in training: one channel, 2D"),
    ],
)
def test_what_is_no_image_is_refused(run, image, said):
    with pytest.raises(nbt.UserError, match=said):
        nbt.load_model(run.directory).predict(image)


def test_a_folder_is_not_an_image(run, tmp_path):
    with pytest.raises(nbt.UserError, match="this is a folder"):
        nbt.load_model(run.directory).predict(tmp_path)


@pytest.mark.parametrize("lacks", ["task", "weights"])
def test_a_damaged_model_is_told(run, tmp_path, lacks):
    record = torch.load(run.last, weights_only=True)
    if lacks == "task":
        del record["task"]
    else:
        record["weights"].popitem()
    torch.save(record, tmp_path / "model.pt")
    with pytest.raises(nbt.UserError, match="damaged, or was written by another version"):
        nbt.load_model(tmp_path / "model.pt")


@pytest.mark.parametrize("dim", [2, 3])
def test_every_way_to_turn_an_image_is_another_and_turns_back(dim):
    image = np.arange(2 * np.prod((3, 4, 5)[:dim])).reshape(2, *(3, 4, 5)[:dim])
    ways = flips_and_rotations(dim)
    assert len(ways) == 2 ** (dim + 1) and np.array_equal(ways[0], np.eye(dim))
    turned = [flip_rotate_image(image, matrix=matrix) for matrix in ways]
    assert len({(array.shape, array.tobytes()) for array in turned}) == len(ways)
    for array, matrix in zip(turned, ways, strict=True):
        assert np.array_equal(flip_rotate_image(array, matrix=matrix.T), image)


@pytest.mark.parametrize("dim", [2, 3])
def test_averaging_over_turns_makes_the_answer_turn_with_the_image(dim):
    torch.manual_seed(0)
    conv = (torch.nn.Conv2d if dim == 2 else torch.nn.Conv3d)(1, 2, 3, padding=1).eval()
    image = np.random.default_rng(0).random((1, *(8, 24, 16)[3 - dim :])).astype(np.float32)
    tile = image.shape[1:]
    device = torch.device("cpu")
    everything = len(flips_and_rotations(dim))
    found = predict_tta(conv, image, tile, device, tta=everything)
    for matrix in flips_and_rotations(dim):
        turned = flip_rotate_image(image, matrix=matrix)
        again = predict_tta(conv, turned, turned.shape[1:], device, tta=everything)
        assert np.allclose(again, flip_rotate_image(found, matrix=matrix), atol=1e-5)
    alone = predict_tta(conv, image, tile, device, tta=1)
    assert not np.allclose(alone, found, atol=1e-3)


def test_the_old_name_of_tta_is_understood_for_one_release(run, discs):
    model, image = nbt.load_model(run.directory), Path(discs.images) / "img_0.tif"
    with pytest.warns(DeprecationWarning, match="variants is the old name of tta"):
        labels = model.predict(image, variants=2)
    assert np.array_equal(labels, model.predict(image, tta=2))
    with pytest.warns(DeprecationWarning, match="variants is the old name of tta"):
        model.predict_raw(image, variants=2)


@pytest.mark.parametrize(("tta", "where"), [(3, "tta"), (0, "tta")])
def test_a_number_of_ways_that_there_is_not_is_refused_under_its_name(run, discs, tta, where):
    model, image = nbt.load_model(run.directory), Path(discs.images) / "img_0.tif"
    with pytest.raises(UserError, match=f"^{where}: {tta} is no number of ways"):
        model.predict(image, tta=tta)


def test_old_names_of_a_model_are_understood_for_one_release(run, discs):
    model, image = nbt.load_model(run.directory), Path(discs.images) / "img_0.tif"
    with pytest.warns(DeprecationWarning, match="multiples is the old name of divisors"):
        assert model.multiples == model.divisors
    prediction = model.prediction(image)
    with pytest.warns(DeprecationWarning, match="maps is the old name of probability_maps"):
        assert list(prediction.maps()) == list(prediction.probability_maps())
