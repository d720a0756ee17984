import json

import numpy as np
import pytest
import tifffile
from agreement import opens_as
from PIL import Image

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def _list(path, told):
    path.write_text(json.dumps(told))
    return path


def _tiles(folder, volume, size=32, first=1):
    for z, section in enumerate(volume):
        for row in range(-(-section.shape[0] // size)):
            for column in range(-(-section.shape[1] // size)):
                tile = section[row * size : (row + 1) * size, column * size : (column + 1) * size]
                Image.fromarray(tile).save(folder / f"s {z}_{row + first}_{column + first:02d}.png")
    depth, height, width = volume.shape
    told = {"depth": depth, "height": height, "width": width, "tile_size": size, "tile_ratio": 1, "ndim": 1}
    names = [f"s {z}_{{row}}_{{column:02d}}.png" for z in range(depth)]
    return told | {"image": names, "tile_st": [first, first], "dtype": "uint16"}


@pytest.mark.feature(34)
@pytest.mark.parametrize("told", [lambda names: names, lambda names: {"images": names}])
def test_a_list_of_sections_is_a_volume(tmp_path, volume, told):
    (tmp_path / "my sections").mkdir()
    names = [f"my sections/s {z}.tif" for z in range(len(volume))]
    for name, section in zip(names, volume, strict=True):
        tifffile.imwrite(tmp_path / name, section, compression="zlib")
    names[0] = str(tmp_path / names[0])
    opens_as(_list(tmp_path / "a.json", told(names)), volume, "ZYX")


@pytest.mark.feature(34)
def test_tiles_make_up_a_volume(tmp_path, volume):
    told = _tiles(tmp_path, volume)
    opens_as(_list(tmp_path / "a.json", told), volume, "ZYX")
    (tmp_path / "s 3_2_01.png").unlink()
    opened = open_image(tmp_path / "a.json")
    assert np.array_equal(opened.array[3, :32], volume[3, :32])
    with pytest.raises(UserError, match=r"s 3_2_01\.png: a\.json lists this file, which does not exist"):
        opened.read()


def test_tiles_are_enlarged_by_the_nearest_pixel(tmp_path, volume):
    told = _tiles(tmp_path, volume, size=16) | {"tile_ratio": 2, "tile_size": 32, "height": 80, "width": 100}
    opens_as(_list(tmp_path / "a.json", told), volume.repeat(2, axis=1).repeat(2, axis=2), "ZYX")


def test_vast_writes_numbers_as_colours(tmp_path):
    numbers = np.arange(64, dtype=np.uint32).reshape(8, 8) * 100_003
    colours = np.dstack([numbers >> 16, numbers >> 8 & 255, numbers & 255]).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    told = {"image": ["a.png"], "depth": 1, "height": 8, "width": 8, "tile_size": 8, "dtype": "uint32"}
    assert np.array_equal(open_image(_list(tmp_path / "a.json", told)).read()[0], numbers)


def test_what_is_wrong_with_a_list_is_said(tmp_path, volume):
    good = _tiles(tmp_path, volume)
    tifffile.imwrite(tmp_path / "one.tif", volume[0])
    tifffile.imwrite(tmp_path / "small.tif", volume[0, :20])
    for told, message in (
        ({"images": ["one.tif", "gone 1.tif", "gone 2.tif"]}, r"gone 1\.tif, .*gone 2\.tif"),
        ({"images": ["one.tif", "small.tif"]}, r"small\.tif: this section is 20 x 50 uint16"),
        ({"images": []}, "lists no sections"),
        ({"shapes": [1, 2]}, "lists no sections"),
        ({"images": ["a.json"]}, "cannot hold another list"),
        (good | {"depth": 9}, "depth is 9, but image lists 6 sections"),
        (good | {"height": "40"}, "height is '40'"),
        (good | {"height": 60}, "this tile is 8 x 32, but a.json needs at least 28 x 32"),
        (good | {"dtype": "uint8"}, "which the list's type uint8 cannot hold"),
        (good | {"dtype": "grey"}, "dtype is 'grey'"),
        (good | {"tile_ratio": 0}, "tile_ratio is 0"),
        (good | {"tile_st": [1]}, "tile_st is"),
        ("one.tif", "lists no sections"),
    ):
        with pytest.raises(UserError, match=message):
            open_image(_list(tmp_path / "a.json", told)).read()
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match="this is no JSON file"):
        open_image(tmp_path / "a.json")
