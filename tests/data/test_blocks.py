"""Large images divided: every pixel once, image on label, values and axes as they were."""

import json

import numpy as np
import pytest
import tifffile
from factories import make_naming

from nbtrainer.api import prepare
from nbtrainer.data.blocks import split_into_blocks
from nbtrainer.data.listing import list_files
from nbtrainer.data.pair_files import pair_files
from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def write_pair(folder, name, image, label, **options):
    for kind, array in (("images", image), ("labels", label)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(
            folder / kind / name, array, **(options if kind == "images" else {"photometric": "minisblack"})
        )
    return folder / "images", folder / "labels"


def put_together(folder, kind, base, dim=2):
    """The blocks of an image side by side again."""
    rows = []
    for row in range(1, 10):
        blocks = [folder / kind / f"{base}_y{row}_x{column}.tif" for column in range(1, 10)]
        blocks = [open_image(block) for block in blocks if block.exists()]
        if blocks:
            y, x = (blocks[0].axes.index(letter) for letter in "YX")
            rows.append(np.concatenate([block.read() for block in blocks], axis=x))
    return np.concatenate(rows, axis=y), blocks[0].axes if blocks else None


def axes_of(file):
    return open_image(file).axes


@pytest.mark.parametrize(
    ("shape", "count"),
    [((2048, 2048), 16), ((512, 512), 1), ((700, 700), 1), ((1024, 512), 2), ((5, 1030, 1500), 6), ((1, 1), 1)],
)
def test_blocks_cover_every_pixel_once_and_differ_by_a_pixel_at_most(shape, count):
    covered = np.zeros(shape[-2:], int)
    sizes = []
    for block in split_into_blocks(shape, 512):
        covered[block.y, block.x] += 1
        sizes.append((block.y.stop - block.y.start, block.x.stop - block.x.start))

    assert len(sizes) == count
    assert (covered == 1).all()
    assert all(max(side) - min(side) <= 1 for side in zip(*sizes, strict=True))


@pytest.mark.feature(65)
@pytest.mark.parametrize(
    ("image_shape", "label_shape", "axes", "dtype"),
    [
        ((130, 200), (130, 200), "YX", np.uint16),
        ((130, 200, 3), (130, 200), "YXS", np.uint8),
        ((2, 130, 200), (130, 200), "CYX", np.float32),
        ((3, 130, 200), (3, 130, 200), "ZYX", np.uint8),
        ((4, 2, 130, 200), (4, 130, 200), "ZCYX", np.uint16),
    ],
)
def test_large_images_are_divided_and_the_blocks_are_what_the_image_was(
    image_shape, label_shape, axes, dtype, tmp_path
):
    rng = np.random.default_rng(0)
    image, label = (rng.integers(0, 200, shape).astype(dtype) for shape in (image_shape, label_shape))
    label = label.astype(np.int32)
    options = {"photometric": "rgb"} if axes == "YXS" else {"photometric": "minisblack", "metadata": {"axes": axes}}
    source = write_pair(tmp_path, "large.tif", image, label, ome=axes != "YXS", **options)
    write_pair(
        tmp_path,
        "small.tif",
        image[..., :60, :60, :] if axes == "YXS" else image[..., :60, :60],
        label[..., :60, :60],
        ome=axes != "YXS",
        **options,
    )

    done = prepare(*source, tmp_path / "out", "x", train=1, validation=0, test=0, divide=64)

    train = done.folder / "train"
    assert done.counts["train"] == 7
    assert (train / "images" / "small.tif").exists()
    pairs = pair_files(
        list_files(train / "images.txt", "i", look_one_level_down=False),
        list_files(train / "labels.txt", "l", look_one_level_down=False),
        "d",
        make_naming(),
        use="auto",
    )
    assert len(pairs) == 7 and not any(pair.paired_by_order for pair in pairs)
    again, _ = put_together(train, "images", "large")
    np.testing.assert_array_equal(again.reshape(image.shape), image)
    assert again.dtype == dtype
    assert axes_of(train / "images" / "large_y1_x1.tif").replace("T", "") == axes
    np.testing.assert_array_equal(put_together(train, "labels", "large")[0].reshape(label.shape), label)


@pytest.mark.feature(65)
def test_blocks_of_one_image_go_the_same_way_and_keep_their_pixel_size(tmp_path):
    for number in range(6):
        image = np.full((128, 128), number, np.uint8)
        source = write_pair(
            tmp_path,
            f"img{number}.tif",
            image,
            image,
            ome=True,
            metadata={
                "axes": "YX",
                "PhysicalSizeX": 0.25,
                "PhysicalSizeXUnit": "µm",
                "PhysicalSizeY": 0.5,
                "PhysicalSizeYUnit": "µm",
            },
        )

    done = prepare(*source, tmp_path / "out", "x", divide=64)

    ways = {}
    for part in ("train", "val", "test"):
        for file in (done.folder / part / "images").iterdir():
            ways.setdefault(int(tifffile.imread(file)[0, 0]), set()).add(part)
            assert open_image(file).spacing == {"x": 0.25, "y": 0.5}
    assert sum(done.counts.values()) == 24
    assert all(len(parts) == 1 for parts in ways.values())


def test_outlines_are_drawn_for_the_blocks_and_links_go_where_both_labels_are(tmp_path):
    image = np.zeros((128, 128), np.uint8)
    images, labels = write_pair(tmp_path, "img.tif", image, np.eye(128, dtype=np.uint8) * 3)
    label = np.zeros((128, 128), np.uint8)
    label[10:20, 10:20], label[10:20, 30:40], label[90:99, 90:99] = 1, 2, 3
    tifffile.imwrite(labels / "img.tif", label)
    (labels / "img_links.txt").write_text("1,2\n2,3\n")
    done = prepare(images, labels, tmp_path / "out", "links", train=1, validation=0, test=0, divide=64)
    assert {file.name: file.read_text() for file in done.folder.rglob("*_links.txt")} == {
        "img_y1_x1_links.txt": "1,2\n"
    }

    square = [[10, 10], [10, 100], [100, 100], [100, 10]]
    shape = {"label": "cell", "points": square, "shape_type": "polygon"}
    (tmp_path / "outlines").mkdir()
    (tmp_path / "outlines" / "img.json").write_text(
        json.dumps({"version": "5.0", "shapes": [shape], "imagePath": "img.tif", "imageHeight": 128, "imageWidth": 128})
    )
    done = prepare(images, tmp_path / "outlines", tmp_path / "out", "drawn", train=1, validation=0, test=0, divide=64)
    drawn = put_together(done.folder / "train", "labels", "img")[0]
    assert drawn[50, 50] > 0 and drawn[5, 5] == 0 and drawn[120, 120] == 0


def test_a_label_of_another_size_and_two_of_one_name_are_refused_and_nothing_is_left(tmp_path):
    image = np.zeros((128, 128), np.uint8)
    source = write_pair(tmp_path / "a", "img.tif", image, np.zeros((128, 120), np.uint8))
    with pytest.raises(UserError, match=r"img.tif: it is 128 x 120, but its image is 128 x 128"):
        prepare(*source, tmp_path / "out", "x", train=1, validation=0, test=0, divide=64)
    write_pair(tmp_path / "b", "img.tif", image, image)
    source = write_pair(tmp_path / "b", "img_y1_x1.tif", image[:64, :64], image[:64, :64])
    with pytest.raises(UserError, match=r"a block of another image has the name img_y1_x1\.tif too"):
        prepare(*source, tmp_path / "out", "x", train=1, validation=0, test=0, divide=64)
    assert not (tmp_path / "out").exists()
