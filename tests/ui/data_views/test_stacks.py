"""Single images and stacks in the form: one file of many, many of one, and used as data."""

import numpy as np
import pytest
import tifffile

from nbtrainer.config import Config
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.form import Form


@pytest.fixture
def form():
    made = Form(Config.preset("binary_2d"), base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None)
    made.panels[0].open()
    return made


def slices(folder, count=4):
    folder.mkdir()
    for number in range(count):
        tifffile.imwrite(folder / f"s{number}.tif", np.full((8, 9), number, np.uint8), photometric="minisblack")
    return str(folder)


@pytest.mark.feature(35)
def test_single_images_become_a_stack_and_a_stack_single_images_and_both_can_be_used(form, tmp_path):
    tool = form.stacks
    tool.open_button.click()
    tool.fields["folder"].enter(slices(tmp_path / "single"))
    tool.fields["stack"].enter(str(tmp_path / "stack.tif"))

    tool.combine.click()

    assert "4 images are in stack.tif (4 x 8 x 9)" in tool.words
    assert tifffile.imread(tmp_path / "stack.tif")[:, 0, 0].tolist() == [0, 1, 2, 3]
    tool.as_images.click()
    assert form.config.data.datasets[-1].images == str(tmp_path / "stack.tif")

    tool.fields["folder"].enter(str(tmp_path / "apart"))
    tool.take_apart.click()

    assert "4 slices, stack_1.tif to stack_4.tif" in tool.words
    assert [int(tifffile.imread(file)[0, 0]) for file in sorted((tmp_path / "apart").iterdir())] == [0, 1, 2, 3]
    tool.as_labels.click()
    assert form.config.data.datasets[-1].labels == str(tmp_path / "apart")
    assert form.config.data.datasets[-1].images == str(tmp_path / "stack.tif")


def test_what_is_missing_or_there_already_is_said_and_nothing_is_offered(form, tmp_path):
    tool = form.stacks
    tool.combine.click()
    assert "Give a path: Single images and Stack" in tool.words

    (tmp_path / "stack.tif").write_bytes(b"mine")
    tool.fields["folder"].enter(slices(tmp_path / "single"))
    tool.fields["stack"].enter(str(tmp_path / "stack.tif"))
    tool.combine.click()

    assert "stack.tif is there already" in tool.words
    assert (tmp_path / "stack.tif").read_bytes() == b"mine"
    assert tool.result_buttons.layout.display == "none"
