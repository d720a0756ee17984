"""The page of a run: what a paper needs of it."""

import json
import re

import pytest

import nbtrainer as nbt


@pytest.fixture
def page(small_config):
    small_config.update(
        compile={"loss": "dice_focal", "optimizer": "radam"},
        augmentation={"steps": [{"kind": "flip"}, {"kind": "noise"}]},
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    return (run.directory / "report.html").read_text(), run


def test_the_methods_name_what_was_done_with_its_sources(page):
    text, run = page
    methods = re.search(r"<h2>Methods</h2><p>(.*?)</p><ol>(.*?)</ol>", text)[1]
    assert f"nbtrainer {nbt.__version__}" in methods
    for words in ("Compact U-Net", "Dice + focal", "RAdam", "32 x 32", "flip, noise", "6 steps", "seed 42"):
        assert words in methods, words
    assert "fold" not in methods
    numbers = {int(number) for number in re.findall(r"\[(\d+)\]", methods)}
    assert numbers == set(range(1, text.count("<li>") + 1))
    assert "1908.03265" in text and "1808.05238" in text
    best = max(run.history, key=lambda row: row["validation_dice"])
    assert f"epoch {best['epoch']}, {best['validation_dice']:.4f}" in methods


def test_the_page_shows_curves_preview_data_settings_and_versions(page):
    text, _ = page
    assert text.count("data:image/png;base64,") >= 2
    for words in ("compile.optimizer", "radam", "img_0", "numpy", "Validation images"):
        assert words in text, words
    assert "training.patience" not in text  # is as it was


def test_versions_machine_and_files_are_written_beside_the_settings(page):
    _, run = page
    record = json.loads((run.directory / "environment.json").read_text())
    assert {"nbtrainer", "python", "torch", "numpy"} <= set(record["versions"])
    assert record["device"] and record["threads"] >= 1
    assert len(record["files"]) == 6 and all(size > 0 for _, size in record["files"].values())


def test_a_run_without_validation_images_has_its_page_too(small_config):
    small_config.data.validation_fraction = 0.0
    run = nbt.train(small_config)
    text = (run.directory / "report.html").read_text()
    assert "none for validation" in text and "There are none with a label." in text
