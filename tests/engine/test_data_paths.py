"""From files of many kinds to trained networks: what trains, what judges, what is never seen."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer import metrics
from nbtrainer.data.cache import Cache
from nbtrainer.data.roi import IGNORED
from nbtrainer.data.views import whole
from nbtrainer.datasets import survey
from nbtrainer.engine.training_patches import training_patches
from nbtrainer.runs import events


def _coordinates(folder: Path, shape: tuple[int, ...] = (400, 300)) -> dict[str, str]:
    """An image in which every pixel has a value of its own, and a label."""
    folder.mkdir(parents=True, exist_ok=True)
    image = np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)
    label = np.zeros(shape, np.uint8)
    label[..., 50:250, 30:270] = 1
    tifffile.imwrite(folder / "image.tif", image)
    tifffile.imwrite(folder / "label.tif", label)
    return {"images": str(folder / "image.tif"), "labels": str(folder / "label.tif")}


def _seen(config: nbt.Config, count: int) -> set[int]:
    """The values of pixels that training reads, through every warp."""
    patches = training_patches(config)
    seen: set[int] = set()
    for index in range(len(patches.images)):
        image = patches.images.views(index)[0]
        read = image.read

        def spy(region, read=read):
            found = read(region)
            seen.update(np.unique(found).astype(int).tolist())
            return found

        object.__setattr__(image, "read", spy)
    for number in range(count):
        patches.patch(number)
    return seen


@pytest.mark.parametrize("augmentation", ["none", "strong"])
@pytest.mark.parametrize("patch_size", [64, 192])
def test_nothing_that_trains_is_seen_in_validation(small_config, tmp_path, augmentation, patch_size):
    small_config.update(
        data={"datasets": [_coordinates(tmp_path)], "validation_fraction": 0.3},
        augmentation={"strength": augmentation},
        sampling={"patch_size": [patch_size, patch_size]},
    )
    found = survey(small_config)
    image = found.preparation.open(found.split.validation[0])[0]
    judged = set(np.unique(whole(image)).astype(int).tolist())
    train = _seen(small_config, 60)
    assert len(judged) == 120 * 300 and not judged & train
    gaps = abs(max(train) - min(judged)) if max(train) < min(judged) else abs(min(train) - max(judged))
    assert gaps > 8 * 300  # 8 rows lie between


def test_overlapping_tiles_of_the_grid_do_not_reach_over_either(small_config, tmp_path):
    small_config.update(
        data={"datasets": [_coordinates(tmp_path)], "validation_fraction": 0.3},
        sampling={"patch_size": [128, 128], "method": "grid"},
    )
    found = survey(small_config)
    judged = set(np.unique(whole(found.preparation.open(found.split.validation[0])[0])).astype(int).tolist())
    assert not judged & _seen(small_config, 30)


@pytest.mark.feature(62)
def test_only_regions_are_sampled_measured_and_judged(small_config, tmp_path):
    region = {"shape": "rectangle", "points": [[100, 40], [219, 159]], "name": "good"}
    triangle = {"shape": "polygon", "points": [[300, 100], [300, 260], [380, 180]]}
    small_config.update(
        data={"datasets": [_coordinates(tmp_path) | {"regions": [region, triangle]}], "validation_fraction": 0},
        augmentation={"strength": "strong"},
    )
    rows, columns = np.divmod(np.array(sorted(_seen(small_config, 80))) - 1, 300)
    first = (rows >= 100) & (rows <= 219) & (columns >= 40) & (columns <= 159)
    second = (rows >= 300) & (rows <= 380) & (columns >= 100) & (columns <= 260)
    assert (first | second).all() and first.any() and second.any()
    labels = [label for _, label in nbt.patches(small_config, 40)]
    assert any((label == IGNORED).any() for label in labels)
    patches = training_patches(small_config)
    measured = patches.images.channel_stats(1)[0]
    assert measured.count < 0.6 * 81 * 161 and measured.minimum >= 300 * 300


def test_a_run_with_regions_of_every_kind_trains(small_config, tmp_path, write_pairs):
    tifffile.imwrite(tmp_path / "noise.tif", np.zeros((4, 4)))
    polygon = {"shape": "polygon", "points": [[5, 5], [5, 60], [60, 30]], "image": "img_0.tif"}
    ignored = {"shape": "rectangle", "points": [[0, 0], [20, 20]], "use": "ignore"}
    dataset = write_pairs(name="regions") | {"regions": [polygon, ignored], "random_region": [40, 40]}
    small_config.update(data={"datasets": [dataset]})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert all(np.isfinite(row["train_loss"]) for row in run.history)


def test_the_ignore_value_enters_no_score(small_config):
    folder = Path(small_config.data.datasets[0].labels)
    for path in folder.iterdir():
        label = tifffile.imread(path)
        label[:, 32:] = 255  # nobody annotated the right half
        tifffile.imwrite(path, label)
    small_config.update(data={"ignore_value": 255})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    model = nbt.load_model(run.directory)
    assert model.task.ignored == 255 and model.task.foreground == 1
    truth = tifffile.imread(folder / "img_0.tif")
    guess = np.where(truth == 255, 1, truth)
    assert metrics.scores(model.task.tally_labels(guess, truth, ["dice"]), ["dice"])["dice"] == 1


@pytest.mark.feature(32, 36, 37)
@pytest.mark.parametrize("dim", [2, 3])
def test_a_stack_trains_as_slices_and_as_a_volume(small_config, tmp_path, dim):
    y, x = np.ogrid[:48, :56]
    disc = np.repeat(((y - 24) ** 2 + (x - 28) ** 2 < 150)[None], 24, 0)
    tifffile.imwrite(tmp_path / "stack.tif", (disc * 100 + 20).astype(np.uint8))
    tifffile.imwrite(tmp_path / "labels.tif", disc.astype(np.uint8))
    small_config.update(
        task={"dim": dim},
        data={"datasets": [{"images": str(tmp_path / "stack.tif"), "labels": str(tmp_path / "labels.tif")}]},
        sampling={"patch_size": [8, 32, 32][3 - dim :]},
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    model = nbt.load_model(run.directory)
    assert model.predict(tmp_path / "stack.tif").shape == (24, 48, 56)
    assert model.predict_raw(tmp_path / "stack.tif").shape == (1, 24, 48, 56)
    assert list((run.directory / "previews").glob("*.png"))


@pytest.mark.feature(47, 113)
def test_volumes_from_nifti_train_and_their_spacing_is_kept(small_config, tmp_path):
    rng = np.random.default_rng(0)
    affine = np.diag([0.5, 0.5, 2, 1])
    for number in range(2):
        volume = rng.normal(100, 9, (30, 28, 12)).astype(np.int16)
        volume[8:20, 8:20, 3:9] += 80
        for kind, array in (("images", volume), ("labels", (volume > 150).astype(np.uint8))):
            (tmp_path / kind).mkdir(exist_ok=True)
            made = nibabel.Nifti1Image(array, affine)
            made.header.set_xyzt_units("mm")
            nibabel.save(made, tmp_path / kind / f"v{number}.nii.gz")
    small_config.update(
        task={"dim": 3},
        data={"datasets": [{"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}]},
        sampling={"patch_size": [8, 16, 16]},
    )
    assert nbt.pairs(small_config)[0]["spacing"] == (2000, 500, 500)
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    model = nbt.load_model(run.directory)
    assert list(model.record["spacing"]) == [2000, 500, 500]
    assert model.predict(tmp_path / "images" / "v0.nii.gz").shape == (12, 28, 30)


@pytest.mark.feature(94)
def test_what_was_measured_on_the_training_set_is_kept_in_the_model(small_config):
    small_config.update(
        normalization={"method": "rescaling", "outliers": "ignore", "scope": "dataset"}, data={"invert": True}
    )
    run = nbt.train(small_config)
    model = nbt.load_model(run.directory)
    dark = np.full((1, 8, 8), 7, np.uint8)
    train = [row["image"] for row in nbt.pairs(small_config) if row["split"] == "train"]
    ends = [tifffile.imread(path) for path in train]
    low, high = min(image.min() for image in ends), max(image.max() for image in ends)
    found = model.normalizer.measure(dark).apply(dark)
    start, end = small_config.normalization.range
    assert found == pytest.approx(end - (7 - low) / (high - low) * (end - start), abs=1e-4)


@pytest.mark.feature(50, 119)
@pytest.mark.parametrize(
    "settings", [{"resize": [48, 80]}, {"resize": [96, 96], "resize_by": "pad"}, {"diameter": 14.0}]
)
def test_predictions_come_back_in_the_size_of_the_image(small_config, settings):
    small_config.update(data=settings)
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    image = Path(small_config.data.datasets[0].images) / "img_0.tif"
    model = nbt.load_model(run.directory)
    assert model.predict(image, diameter=28.0).shape == (64, 64)
    assert model.predict_raw(image).shape == (1, 64, 64)


@pytest.mark.feature(57)
def test_a_channel_axis_found_by_the_label_is_known_at_prediction(small_config, tmp_path):
    for number in range(3):
        image = np.random.default_rng(number).integers(0, 200, (2, 64, 64)).astype(np.uint16)
        for kind, array in (("images", image), ("labels", (image[0] > 100).astype(np.uint8))):
            (tmp_path / kind).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / kind / f"{number}.tif", array)
    small_config.update(data={"datasets": [{"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}]})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert nbt.load_model(run.directory).predict(tmp_path / "images" / "0.tif").shape == (64, 64)


def test_a_large_validation_set_is_scored_in_blocks_spread_over_it(small_config, monkeypatch):
    from nbtrainer.engine import validate

    monkeypatch.setattr(validate, "_MOST_PIXELS", 3000)
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert "validation_dice" in run.history[-1]


def test_what_is_shown_does_not_depend_on_what_fits_into_memory(small_config):
    first = list(nbt.patches(small_config, 12))
    patches = training_patches(small_config)
    patches.images.cache = Cache(0)
    patches.images._opened.clear()
    for number, (image, label) in enumerate(first):
        again = patches.patch(number)
        assert np.array_equal(again[0], image) and np.array_equal(again[1], label)


def test_more_objects_than_16_bits_can_number(small_config, tmp_path):
    label = np.arange(300 * 300, dtype=np.uint32).reshape(300, 300)
    tifffile.imwrite(tmp_path / "labels.tif", label)
    tifffile.imwrite(tmp_path / "image.tif", (label % 250).astype(np.uint8))
    small_config.update(
        data={
            "datasets": [{"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "labels.tif")}],
            "validation_fraction": 0,
        },
        augmentation={"strength": "strong"},
    )
    assert nbt.pairs(small_config)[0]["objects"] == 89_999
    values = {int(value) for _, patch in nbt.patches(small_config, 60) for value in np.unique(patch)}
    assert max(values) > 80_000 and values <= set(range(90_000))


@pytest.mark.feature(61, 70)
def test_whole_images_of_different_sizes_are_padded_to_the_largest(small_config, tmp_path):
    for number, shape in enumerate([(50, 60), (33, 40), (64, 20)]):
        image = np.random.default_rng(number).integers(0, 200, shape).astype(np.uint8)
        for kind, array in (("images", image), ("labels", (image > 100).astype(np.uint8))):
            (tmp_path / kind).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / kind / f"{number}.tif", array)
    small_config.update(
        data={
            "datasets": [{"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}],
            "validation_fraction": 0,
        },
        sampling={"whole_images": True, "patch_size": [33, 35]},
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    stored = nbt.Config.load(run.directory).sampling
    assert stored.patch_size == [64, 60]


def test_what_was_hard_is_shown_again_and_a_resumed_run_knows_it(small_config):
    small_config.update(sampling={"hard_fraction": 0.5}, training={"epochs": 4}, compile={"schedule": "constant"})
    whole_run = nbt.train(small_config)
    small_config.update(training={"epochs": 2})
    first = nbt.train(small_config)
    assert first.status == "finished", first.error
    second = nbt.resume(first.directory, training={"epochs": 4})
    second.wait()
    assert second.history[-1]["train_loss"] == whole_run.history[-1]["train_loss"]
    assert first.directory.joinpath("tiles.json").exists()


def test_the_ledger_names_images_that_never_contributed(small_config, write_pairs):
    small_config.update(
        data={"datasets": [write_pairs(count=12, name="many")], "validation_fraction": 0.1},
        training={"epochs": 1, "steps_per_epoch": 1, "batch_size": 2},
    )
    run = nbt.train(small_config)
    seen = json.loads((run.directory / "tiles.json").read_text())
    assert seen["patches"] == 2 and len(seen["never_drawn"]) >= 9
    warned = [event.text for event in run.events if isinstance(event, events.Warned)]
    assert any("of your images never contributed" in text for text in warned)


def test_tiles_are_suggested_that_suit_thick_slices(small_config, tmp_path):
    volume = np.random.default_rng(0).integers(0, 99, (40, 90, 90)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "image.tif", volume)
    tifffile.imwrite(tmp_path / "label.tif", (volume > 50).astype(np.uint8))
    small_config.update(
        task={"dim": 3},
        data={
            "datasets": [{"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "label.tif")}],
            "spacing": [4.0, 1.0, 1.0],
        },
        sampling={"patch_size": [32, 32, 32]},
    )
    found = [finding for finding in nbt.check(small_config) if "times as thick" in finding.wrong]
    assert len(found) == 1 and found[0].level == "warning" and "13 x 50 x 50" in found[0].remedy
    small_config.sampling.patch_size = [13, 50, 50]
    assert not [finding for finding in nbt.check(small_config) if "times as thick" in finding.wrong]


@pytest.mark.feature(72)
def test_a_network_for_thick_slices_takes_few_of_them(small_config, tmp_path):
    z, y, x = np.ogrid[:7, :48, :48]
    ball = (3 * (z - 3)) ** 2 + (y - 24) ** 2 + (x - 24) ** 2 < 200
    noise = np.random.default_rng(0).normal(0, 10, ball.shape)
    tifffile.imwrite(tmp_path / "image.tif", (100 + 80 * ball + noise).astype(np.uint8))
    tifffile.imwrite(tmp_path / "label.tif", ball.astype(np.uint8))
    small_config.update(
        task={"dim": 3},
        data={"datasets": [{"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "label.tif")}]},
        sampling={"patch_size": [3, 32, 32]},
        model={"features": [8, 8, 16]},
        training={"epochs": 1, "steps_per_epoch": 2},
    )
    (found,) = [finding for finding in nbt.check(small_config) if finding.where == "sampling.patch_size"]
    assert found.level == "warning" and "3 x 32 x 32 are padded to 4 x 32 x 32" in found.wrong
    small_config.data.spacing = [5.0, 1.0, 1.0]
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    model = nbt.load_model(run.directory)
    assert model.record["network"]["anisotropic_levels"] == 2
    assert model.predict(tmp_path / "image.tif").shape == ball.shape
    small_config.update(model={"pretrained": str(run.directory)}, data={"spacing": []})
    assert nbt.train(small_config).status == "finished"  # it keeps the levels of the model that it starts from


@pytest.mark.feature(62)
@pytest.mark.parametrize("corners", [[[10, 10], [120, 150]], [[165, 10], [195, 190]]])
def test_a_single_image_is_divided_within_its_regions(small_config, tmp_path, corners):
    dataset = _coordinates(tmp_path, (200, 200)) | {"regions": [{"points": corners}]}
    small_config.update(data={"datasets": [dataset]})
    rows = nbt.pairs(small_config)
    assert sorted(row["split"] for row in rows) == ["train", "validation"]
    height, width = (last - first + 1 for first, last in zip(*corners, strict=True))
    area = sum(int(np.prod(row["shape"])) for row in rows)
    assert 0.9 * height * width < area < height * width


def test_minus_one_may_mean_not_annotated(small_config):
    folder = Path(small_config.data.datasets[0].labels)
    for path in folder.iterdir():
        label = tifffile.imread(path).astype(np.int16)
        label[:, 40:] = -1
        tifffile.imwrite(path, label)
    assert any("data.ignore_value" in str(finding) for finding in nbt.check(small_config))
    small_config.data.ignore_value = -1
    assert not [finding for finding in nbt.check(small_config) if finding.level == "error"]
    labels = [label for _, label in nbt.patches(small_config, 20)]
    assert {int(value) for label in labels for value in np.unique(label)} == {0, 1, IGNORED}
    assert nbt.train(small_config).status == "finished"


def test_a_place_inside_a_zarr_store_is_a_source(small_config, tmp_path):
    import zarr

    store = zarr.open_group(tmp_path / "all.zarr", mode="w")
    volume = np.random.default_rng(0).integers(0, 200, (6, 64, 64)).astype(np.uint8)
    for name, array in (("raw", volume), ("labels/cells", (volume > 100).astype(np.uint8))):
        store.create_array(name, data=array)
    small_config.data.datasets = [
        {"images": str(tmp_path / "all.zarr" / "raw"), "labels": str(tmp_path / "all.zarr" / "labels" / "cells")}
    ]
    assert len(nbt.pairs(small_config)) == 6
    small_config.data.datasets = [{"images": str(tmp_path / "all.zarr"), "labels": str(tmp_path / "all.zarr")}]
    with pytest.raises(nbt.UserError, match="images and labels are the same file"):
        nbt.pairs(small_config)
