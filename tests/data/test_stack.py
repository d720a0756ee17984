import errno

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from nbtrainer.data import stack as module
from nbtrainer.data.stack import stack_images, unstack_images
from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def _images(folder, count, dtype=np.uint16, shape=(5, 6)):
    folder.mkdir()
    pages = np.random.default_rng(0).integers(0, 250, (count, *shape)).astype(dtype)
    for number, page in enumerate(pages, 1):
        tifffile.imwrite(folder / f"z{number}.tif", page)
    return pages


@pytest.mark.feature(35)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, bool])
def test_single_images_become_a_stack_and_single_images_again(dtype, tmp_path):
    pages = _images(tmp_path / "in", 11, dtype)
    seen: list[tuple[int, int]] = []
    shape = stack_images(tmp_path / "in", tmp_path / "new" / "s.tif", progress=lambda *done: seen.append(done))
    assert shape == (11, 5, 6) and seen[-1] == (11, 11)
    stack = tifffile.imread(tmp_path / "new" / "s.tif")
    assert stack.dtype == pages.dtype and np.array_equal(stack, pages)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["s.tif"]

    files = unstack_images(tmp_path / "new" / "s.tif", tmp_path / "out")
    assert [file.name for file in files[:2]] == ["s_01.tif", "s_02.tif"] and len(files) == 11
    assert all(np.array_equal(tifffile.imread(file), page) for file, page in zip(files, pages, strict=True))


@pytest.mark.feature(35)
def test_colours_and_png_are_stacked(tmp_path):
    pages = np.random.default_rng(0).integers(0, 255, (3, 8, 9, 3)).astype(np.uint8)
    for number, page in enumerate(pages):
        imageio.imwrite(tmp_path / f"{number}.png", page)
    assert stack_images(tmp_path / "*.png", tmp_path / "s.tif") == (3, 8, 9, 3)
    assert np.array_equal(tifffile.imread(tmp_path / "s.tif"), pages)
    files = unstack_images(tmp_path / "s.tif", tmp_path / "out")
    assert np.array_equal(tifffile.imread(files[2]), pages[2])


def test_one_image_is_a_stack_of_one_slice(tmp_path):
    pages = _images(tmp_path / "in", 1)
    assert stack_images(tmp_path / "in", tmp_path / "s.tif") == (1, 5, 6)
    assert np.array_equal(np.squeeze(tifffile.imread(tmp_path / "s.tif")), pages[0])


def test_stacks_of_other_programs_are_taken_apart(tmp_path):
    stack = np.random.default_rng(0).integers(0, 255, (4, 7, 8)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "imagej.tif", stack, imagej=True)
    tifffile.imwrite(tmp_path / "ome.ome.tif", stack, metadata={"axes": "ZYX"})
    tifffile.imwrite(
        tmp_path / "channels.tif", np.stack([stack, stack], axis=1), imagej=True, metadata={"axes": "ZCYX"}
    )
    for name in ("imagej.tif", "ome.ome.tif"):
        files = unstack_images(tmp_path / name, tmp_path / f"out_{name}s")
        assert np.array_equal([tifffile.imread(file) for file in files], stack)
    files = unstack_images(tmp_path / "channels.tif", tmp_path / "c")
    assert len(files) == 4 and tifffile.imread(files[1]).shape == (2, 7, 8)


@pytest.mark.parametrize(
    "odd", [np.zeros((5, 7), np.uint16), np.zeros((5, 6), np.uint8), np.zeros((2, 5, 6), np.uint16)]
)
def test_an_image_of_another_size_or_type_is_named(odd, tmp_path):
    _images(tmp_path / "in", 3)
    tifffile.imwrite(tmp_path / "in" / "z2.tif", odd)
    with pytest.raises(UserError, match=r"z2.tif: it is .*, but z1.tif is 5 x 6 uint16"):
        stack_images(tmp_path / "in", tmp_path / "s.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_mistakes_are_refused(tmp_path):
    _images(tmp_path / "in", 2)
    stack_images(tmp_path / "in", tmp_path / "s.tif")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    for call, message in (
        (lambda: stack_images(tmp_path / "in", tmp_path / "s.tif"), "s.tif is there already"),
        (lambda: stack_images(tmp_path / "in", tmp_path / "s.png"), "Let it end in .tif"),
        (lambda: stack_images(tmp_path / "full", tmp_path / "t.tif"), "holds no images"),
        (lambda: stack_images(tmp_path / "s.tif", tmp_path / "t.tif"), "2 x 5 x 6 is no single image"),
        (lambda: unstack_images(tmp_path / "s.tif", tmp_path / "full"), "full is there already"),
        (lambda: unstack_images(tmp_path / "in" / "z1.tif", tmp_path / "o"), "5 x 6 is a single image"),
        (lambda: unstack_images(tmp_path / "gone.tif", tmp_path / "o"), "there is no such file"),
    ):
        with pytest.raises(UserError, match=message):
            call()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "in", "s.tif"]


def test_an_interruption_leaves_nothing(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    _images(tmp_path / "in", 4)
    with pytest.raises(KeyboardInterrupt):
        stack_images(tmp_path / "in", tmp_path / "s.tif", progress=interrupt)
    stack_images(tmp_path / "in", tmp_path / "s.tif")
    with pytest.raises(KeyboardInterrupt):
        unstack_images(tmp_path / "s.tif", tmp_path / "out", progress=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "s.tif"]


def test_a_stack_that_ends_early_and_a_full_disk_are_sentences(tmp_path, monkeypatch):
    _images(tmp_path / "in", 4, shape=(200, 200))
    stack_images(tmp_path / "in", tmp_path / "s.tif")
    whole = (tmp_path / "s.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(UserError, match=r"cut.tif"):
        unstack_images(tmp_path / "cut.tif", tmp_path / "out")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        stack_images(tmp_path / "in", tmp_path / "t.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.tif", "in", "s.tif"]


@pytest.mark.parametrize("axes", ["ZYX", "YXZ", "TYX"])
@pytest.mark.parametrize("count", [3, 4, 5])
def test_slices_are_found_by_their_axis_whatever_their_number(axes, count, tmp_path):
    pages = np.random.default_rng(0).integers(0, 250, (count, 8, 9)).astype(np.uint8)
    stored = np.moveaxis(pages, 0, -1) if axes == "YXZ" else pages
    tifffile.imwrite(tmp_path / "s.tif", stored, photometric="minisblack", metadata={"axes": axes})
    files = unstack_images(tmp_path / "s.tif", tmp_path / "out")
    assert np.array_equal([tifffile.imread(file) for file in files], pages)
    stack_images(tmp_path / "out", tmp_path / "again.tif")
    again = open_image(tmp_path / "again.tif")
    assert again.axes == "ZYX" and np.array_equal(again.read(), pages)


def test_channels_of_slices_stay_channels(tmp_path):
    stack = np.random.default_rng(0).integers(0, 255, (4, 3, 7, 8)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    opened = open_image(unstack_images(tmp_path / "s.tif", tmp_path / "out")[1])
    assert opened.axes == "CYX" and np.array_equal(opened.read(), stack[1])


def test_palettes_are_colours_in_stacks_of_images_and_numbers_in_stacks_of_labels(tmp_path):
    numbers = np.random.default_rng(0).integers(0, 5, (2, 8, 9)).astype(np.uint8)
    table = np.random.default_rng(1).integers(0, 255, (256, 3)).astype(np.uint8)
    (tmp_path / "in").mkdir()
    for number, page in enumerate(numbers):
        picture = Image.fromarray(page)
        picture.putpalette(table.ravel().tolist())
        picture.save(tmp_path / "in" / f"{number}.png")
    stack_images(tmp_path / "in", tmp_path / "labels.tif", labels=True)
    assert np.array_equal(tifffile.imread(tmp_path / "labels.tif"), numbers)
    stack_images(tmp_path / "in", tmp_path / "images.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "images.tif"), table[numbers])
