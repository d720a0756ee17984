import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.config import Config


def _errors(config: Config) -> list[str]:
    return [str(finding) for finding in nbt.check(config) if finding.level == "error"]


def _warnings(config: Config) -> str:
    return "\n".join(str(finding) for finding in nbt.check(config) if finding.level == "warning")


def _label(config: Config, number: int = 1) -> Path:
    return Path(config.data.datasets[0].labels) / f"img_{number}.tif"


def test_a_sound_config_has_no_errors(small_config):
    assert _errors(small_config) == []


def test_without_images_that_is_the_finding():
    assert any(text.startswith("data.datasets: no images are chosen") for text in _errors(Config()))


def test_a_missing_folder_is_named_with_its_field(small_config):
    small_config.data.datasets = [{"images": "/nowhere/images", "labels": small_config.data.datasets[0].labels}]
    assert _errors(small_config)[0].startswith("data.datasets[0].images: there is no folder or file /nowhere/images")


@pytest.mark.feature(29)
def test_three_images_with_two_labels(small_config):
    _label(small_config).unlink()
    (found,) = _errors(small_config)
    assert found.startswith("data.datasets[0]: there are 3 images but 2 labels. No label was found for img_1.tif")


def test_sizes_that_differ(small_config):
    tifffile.imwrite(_label(small_config), np.ones((64, 60), np.uint8))
    (found,) = _errors(small_config)
    assert "img_1.tif: it is 64 x 60, but its image img_1.tif is 64 x 64" in found


def test_an_unreadable_file(small_config):
    _label(small_config).write_bytes(b"II*\x00broken")
    (found,) = _errors(small_config)
    assert str(_label(small_config)) in found and "this file cannot be read" in found


def test_an_all_background_set(small_config):
    for number in range(3):
        tifffile.imwrite(_label(small_config, number), np.zeros((64, 64), np.uint8))
    (found,) = _errors(small_config)
    assert "every label is all background" in found


def test_labels_that_are_not_whole_numbers(small_config):
    tifffile.imwrite(_label(small_config), np.random.default_rng(0).random((64, 64)).astype(np.float32))
    (found,) = _errors(small_config)
    assert "img_1.tif" in found and "not whole numbers" in found


def test_a_patch_that_the_network_pads_is_answered_with_sizes_that_cost_less(small_config):
    small_config.update(model={"features": [8, 16, 32, 64]}, sampling={"patch_size": [45, 48]})
    assert _errors(small_config) == []
    found = _warnings(small_config)
    assert (
        "sampling.patch_size: patches of 45 x 48 are padded to 48 x 48 in the network, which takes 7% more time"
        in found
    )
    assert "40 x 48 costs less, 48 x 48 costs the same and shows more" in found
    small_config.update(sampling={"patch_size": [3, 48]})  # nothing smaller can be halved three times
    assert "8 x 48 costs the same and shows more" in _warnings(small_config)
    small_config.update(sampling={"patch_size": [48, 48]})
    assert "padded" not in _warnings(small_config)


@pytest.mark.parametrize("size", [[100, 100], [61, 67], [65, 64], [64, 64], [5, 3]])
def test_the_size_of_a_patch_has_one_remedy(small_config, size):
    small_config.update(model={"features": [8, 16, 32, 64]}, sampling={"patch_size": size})
    remedies = [each.remedy for each in nbt.check(small_config) if each.where == "sampling.patch_size"]
    assert len(remedies) <= 1
    if size == [100, 100]:  # larger than the images, which is graver than what is padded
        assert "try 32, 32" in remedies[0]


def test_validation_without_anything_to_find_is_told(small_config, write_pairs):
    def told():
        return [finding for finding in nbt.check(small_config) if "tell a good model from a bad one" in finding.wrong]

    empty = write_pairs(name="empty", foreground=0)
    small_config.data.datasets = [write_pairs() | {"use": "train"}, empty | {"use": "validation"}]
    (found,) = told()
    assert found.level == "warning" and found.where == "data.validation_fraction"
    small_config.data.datasets = [*small_config.data.datasets, write_pairs(name="some") | {"use": "validation"}]
    assert not told()


def test_more_levels_within_slices_than_there_are_is_told(small_config):
    small_config.model.anisotropic_levels = 2
    (found,) = [finding for finding in nbt.check(small_config) if finding.where == "model.anisotropic_levels"]
    assert found.level == "warning" and found.remedy == "1 is as good"


def test_all_errors_come_together(small_config):
    _label(small_config).unlink()
    small_config.update(sampling={"patch_size": [32, 32, 32]}, training={"device": "card", "steps_per_epoch": 0})
    assert len(_errors(small_config)) == 4


@pytest.mark.parametrize(("keep_best", "errors"), [(-1, 0), (0, 1), (1, 0)])
def test_no_best_model_at_all_is_refused_and_all_of_them_are_not(small_config, keep_best, errors):
    small_config.training.keep_best = keep_best
    assert [found.where for found in nbt.check(small_config) if found.level == "error"] == [
        "training.keep_best"
    ] * errors


def test_a_taken_name_is_refused_and_the_folder_left_alone(small_config, tmp_path):
    taken = tmp_path / "runs" / "default" / "mine"
    taken.mkdir(parents=True)
    small_config.output.name = "mine"
    assert _errors(small_config)[0].startswith("output.name")
    with pytest.raises(nbt.UserError, match="exists already"):
        nbt.start(small_config)
    assert list(taken.iterdir()) == []


def test_start_refuses_with_every_error_and_makes_no_folder(small_config, tmp_path):
    _label(small_config).unlink()
    small_config.training.device = "card"
    with pytest.raises(nbt.UserError) as caught:
        nbt.start(small_config)
    assert len(caught.value.findings) == 2
    assert not (tmp_path / "runs").exists()


def test_instances_in_a_binary_task_and_few_images_are_warnings(nuclei):
    config = Config.preset("binary_2d")
    config.data.datasets = [nuclei]
    assert "objects or classes" in _warnings(config)
    assert "only 4 images" in _warnings(config)
    assert _errors(config) == []


def test_images_with_different_channels(small_config):
    tifffile.imwrite(Path(small_config.data.datasets[0].images) / "img_1.tif", np.ones((64, 64, 3), np.uint8))
    (found,) = _errors(small_config)
    assert "it has 3 channels, but img_0.tif has 1 channel" in found


def test_labels_of_interest_that_are_nowhere(small_config):
    small_config.data.labels_of_interest = [5]
    (found,) = _errors(small_config)
    assert found.startswith("data.labels_of_interest: none of the labels holds 5. The labels hold 0, 1")


def test_monitoring_validation_without_a_validation_set(small_config):
    small_config.update(data={"validation_fraction": 0.0}, training={"monitor": "validation_dice"})
    (found,) = _errors(small_config)
    assert found.startswith("training.monitor")


def test_the_pair_table_tells_shape_type_and_split(nuclei):
    config = Config(data={"datasets": [nuclei]})
    rows = nbt.pairs(config)
    assert len(rows) == 4
    assert sorted(row["split"] for row in rows) == ["train", "train", "train", "validation"]
    assert {row["shape"] for row in rows} == {(256, 256)} and {row["dtype"] for row in rows} == {"uint16"}
    assert all(Path(row["image"]).stem == Path(row["label"]).stem for row in rows)


def test_an_image_that_trains_cannot_validate(small_config):
    dataset = small_config.data.datasets[0].model_dump()
    small_config.data.datasets = [dataset | {"use": "train"}, dataset | {"use": "validation"}]
    found = _errors(small_config)
    assert "once to train and once to validate" in found[0]
    assert len(found) == 3
    small_config.data.datasets = [dataset | {"use": "train"}, dataset | {"use": "train"}]
    assert "this image trains twice" in _warnings(small_config)


def test_images_chosen_as_labels_are_suspected(small_config):
    dataset = small_config.data.datasets[0]
    small_config.data.datasets = [{"images": dataset.images, "labels": dataset.images}]
    assert "no label was found beside img_0.tif" in _errors(small_config)[0]
    small_config.data.datasets = [{"images": dataset.labels, "labels": dataset.images}]
    assert "may be swapped" in _warnings(small_config)


def test_images_with_values_that_are_no_numbers(small_config):
    image = np.ones((64, 64), np.float32)
    image[3, 4] = np.nan
    tifffile.imwrite(Path(small_config.data.datasets[0].images) / "img_1.tif", image)
    assert "img_1.tif: it holds values that are no numbers" in _errors(small_config)[0]


def test_the_same_trouble_with_many_files_is_told_once_for_all(write_pairs, small_config):
    small_config.data.datasets = [write_pairs(count=9, name="many")]
    for number in range(9):
        tifffile.imwrite(_label(small_config, number), np.full((64, 64), 0.5, np.float32))
    found = _errors(small_config)
    assert len(found) == 4
    assert "the same is true of 6 more files" in found[-1]


def test_an_empty_dataset_is_missed(small_config):
    small_config.data.datasets = [*small_config.data.datasets, {}]
    assert [text.partition(":")[0] for text in _errors(small_config)] == ["data.datasets[1].images"]


def test_a_dataset_that_is_all_test_leaves_nothing_to_train(small_config):
    small_config.data.datasets = [small_config.data.datasets[0].model_dump() | {"use": "test"}]
    assert _errors(small_config) == ["data.datasets: no image is left to train. Use at least one dataset for training."]


def test_a_list_that_is_not_text_is_refused(small_config, tmp_path):
    (tmp_path / "list.txt").write_bytes("Aufnahme_ä.tif".encode("latin-1"))
    small_config.data.datasets = [{"images": tmp_path / "list.txt", "labels": small_config.data.datasets[0].labels}]
    assert "is not a text file in UTF-8" in _errors(small_config)[0]


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"training": {"device": "cuda:7"}}, "training.device"),
        ({"training": {"precision": "float16", "device": "auto"}}, "training.precision"),
        ({"model": {"pretrained": __file__}}, "test_check.py"),
    ],
)
def test_what_only_torch_can_tell_is_told_before_a_folder_is_made(small_config, tmp_path, settings, where):
    small_config.update(**settings)
    with pytest.raises(nbt.UserError, match=where):
        nbt.start(small_config)
    assert not (tmp_path / "runs").exists()


def test_settings_may_be_given_as_a_dict_or_a_file(small_config, tmp_path):
    assert nbt.check(small_config.model_dump()) == nbt.check(small_config)
    assert nbt.check(small_config.save(tmp_path / "config.json")) == nbt.check(small_config)
    with pytest.raises(nbt.UserError, match="no group of settings"):
        nbt.pairs(None)


def test_a_change_for_volumes_in_a_list_for_images_is_named(small_config):
    small_config.augmentation.steps = [{"kind": "blur"}, {"kind": "roll_z"}]
    assert _errors(small_config) == []
    assert "augmentation.steps[1]: Roll along z changes volumes only" in _warnings(small_config)
    assert "augmentation.steps[0]" not in _warnings(small_config)


def test_settings_of_patches_that_have_no_effect_are_told(small_config):
    small_config.update(sampling={"method": "grid", "foreground_fraction": 0.5, "overlap": 4})
    assert [finding.where for finding in nbt.check(small_config) if "no effect" in finding.wrong] == [
        "sampling.foreground_fraction"
    ]


def test_a_volume_of_three_sections_is_no_colour_image(small_config, tmp_path):
    volume = np.random.default_rng(0).integers(0, 99, (3, 40, 40)).astype(np.uint8)
    for name, array in (("image", volume), ("label", (volume > 50).astype(np.uint8))):
        tifffile.imwrite(tmp_path / f"{name}.tif", array, photometric="minisblack")
    dataset = {"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "label.tif")}
    small_config.update(task={"dim": 3}, data={"datasets": [dataset]}, sampling={"patch_size": [4, 16, 16]})
    assert _errors(small_config) == []


@pytest.mark.parametrize("name", ["threads", "workers"])
def test_more_threads_than_cores_are_told(small_config, name):
    setattr(small_config.training, name, 200)
    (found,) = [each for each in nbt.check(small_config) if each.where == f"training.{name}"]
    assert found.level == "warning" and "200" in found.wrong and "processor cores" in found.wrong
    setattr(small_config.training, name, 1)
    assert not [each for each in nbt.check(small_config) if each.where == f"training.{name}"]


def test_a_range_beyond_what_a_network_calculates_with_is_refused(small_config):
    small_config.normalization.range = [0.0, 1e300]
    (found,) = _errors(small_config)
    assert "normalization.range" in found and "more than a network can calculate with" in found


@pytest.mark.feature(111)
@pytest.mark.parametrize(("typed", "meant"), [("GPU", "cuda"), (" cuda:1 ", "cuda:1"), ("CPU", "cpu"), ("tpu", "xla")])
def test_devices_are_called_as_people_call_them(small_config, typed, meant):
    small_config.training.device = typed
    assert small_config.training.device == meant
    found = [each.wrong for each in nbt.check(small_config) if each.where == "training.device"]
    assert not any("is not a device" in wrong for wrong in found)
    if meant == "cpu":
        assert not found
    if meant == "xla" and importlib.util.find_spec("torch_xla") is None:
        assert found == ["a TPU needs torch_xla, which is not installed"]


def test_a_card_that_this_machine_does_not_have_is_told_by_the_check(small_config):
    small_config.training.device = "cuda:77"
    (found,) = _errors(small_config)
    assert "training.device: cuda:77 is not here: torch sees" in found


@pytest.mark.parametrize("name", ["cuda:x", "cuda:-1", "0", "", "gpu0", "cuda:1:2", "meta"])
def test_what_is_no_device_is_told_wherever_one_is_named(small_config, name):
    small_config.training.device = name
    assert any(each.where == "training.device" for each in nbt.check(small_config))
    with pytest.raises(nbt.UserError, match="is not a device"):
        nbt.start(small_config)


@pytest.mark.parametrize(
    ("compile", "where"),
    [
        ({"loss": "dice", "tversky_alpha": 0.3}, ["compile.tversky_alpha"]),
        ({"loss": "auto", "focal_gamma": 3.0, "loss_smoothing": 0.1}, ["compile.focal_gamma"]),
        ({"loss": "dice_focal", "focal_gamma": 3.0, "loss_smoothing": 0.1}, []),
        ({"schedule": "one_cycle", "milestones": [0.3], "power": 0.5}, ["compile.milestones", "compile.power"]),
        ({"optimizer": "adamw", "momentum": 0.5}, ["compile.momentum"]),
    ],
)
def test_parameters_of_what_was_not_chosen_are_told(small_config, compile, where):
    small_config.update(compile=compile)
    assert [finding.where for finding in nbt.check(small_config) if "no effect" in finding.wrong] == where


def test_a_tversky_loss_that_counts_no_mistake_is_refused(small_config):
    small_config.update(compile={"loss": "tversky", "tversky_alpha": 0, "tversky_beta": 0})
    assert any("nothing is learned" in error for error in _errors(small_config))


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"compile": {"schedule": "list"}}, "compile.rates"),
        ({"compile": {"frozen_epochs": 2}}, "compile.frozen_epochs"),
        ({"training": {"intervals_in": "steps"}}, "training.validation_interval"),
    ],
)
def test_a_course_of_the_run_that_makes_no_sense_is_told(small_config, settings, where):
    assert where not in [finding.where for finding in nbt.check(small_config)]
    small_config.update(**settings)
    assert where in [finding.where for finding in nbt.check(small_config)]
