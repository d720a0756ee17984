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
    assert str(_label(small_config)) in found and "cannot be read as an image" in found


def test_an_all_background_set(small_config):
    for number in range(3):
        tifffile.imwrite(_label(small_config, number), np.zeros((64, 64), np.uint8))
    (found,) = _errors(small_config)
    assert "every label is all background" in found


def test_labels_that_are_not_whole_numbers(small_config):
    tifffile.imwrite(_label(small_config), np.random.default_rng(0).random((64, 64)).astype(np.float32))
    (found,) = _errors(small_config)
    assert "img_1.tif" in found and "not whole numbers" in found


def test_a_tile_that_the_network_cannot_halve_is_answered_with_sizes_that_work(small_config):
    small_config.update(model={"features": [8, 16, 32, 64]}, sampling={"patch_size": [100, 96]})
    (found,) = _errors(small_config)
    assert found.startswith("sampling.patch_size: 100 does not suit the network, which needs multiples of 8")
    assert "Try 96 or 104" in found


def test_all_errors_come_together(small_config):
    _label(small_config).unlink()
    small_config.update(sampling={"patch_size": [33, 32]}, training={"device": "gpu", "steps_per_epoch": 0})
    assert len(_errors(small_config)) == 4


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
    small_config.sampling.patch_size = [33, 33]
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
