import imagecodecs
import numpy as np
import pytest
from agreement import never_read_when_cut, opens_as
from PIL import Image, ImageOps

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


@pytest.mark.feature(56)
def test_png_keeps_its_numbers(tmp_path, volume, colours):
    grey = (volume[0] >> 8).astype(np.uint8)
    for k, (image, axes) in enumerate(
        [
            (grey, "YX"),
            (volume[0], "YX"),
            (grey > 100, "YX"),
            (colours, "YXS"),
            (np.dstack([colours, grey]), "YXS"),
        ]
    ):
        path = tmp_path / f"{k}.png"
        Image.fromarray(image).save(path)
        opens_as(path, image, axes)
        never_read_when_cut(path, (0.02, 0.1, 0.5))


def test_colours_of_16_bits_keep_their_depth(tmp_path, volume):
    deep = np.ascontiguousarray(volume[:3].transpose(1, 2, 0))
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    opens_as(tmp_path / "a.png", deep, "YXS")


def _with_palette(path, indices, table):
    picture = Image.fromarray(indices).convert("L")
    picture.putpalette(np.asarray(table, np.uint8).ravel().tolist())
    picture.save(path)


def test_a_palette_gives_an_image_its_greys_or_colours_and_a_label_its_indices(tmp_path, colours):
    indices = colours[..., 0]
    order = np.random.default_rng(3).permutation(256).astype(np.uint8)
    greys, mixed = np.repeat(order[:, None], 3, axis=1), np.stack([order, order[::-1], order // 2], axis=1)
    _with_palette(tmp_path / "grey.png", indices, greys)
    _with_palette(tmp_path / "colour.png", indices, mixed)
    opened = opens_as(tmp_path / "grey.png", order[indices], "YX")
    assert "palette" in opened.notes[0]
    opens_as(tmp_path / "colour.png", mixed[indices], "YXS")
    assert np.array_equal(
        open_image(tmp_path / "colour.png").read(), np.asarray(Image.open(tmp_path / "colour.png").convert("RGB"))
    )
    for name in ("grey.png", "colour.png"):
        assert opens_as(tmp_path / name, indices, "YX", for_label=True).notes == ()


def test_a_palette_of_one_hue_shows_intensities_that_stay_what_they_are(tmp_path, colours):
    green = np.zeros((256, 3))
    green[:, 1] = np.arange(256)
    _with_palette(tmp_path / "a.png", colours[..., 0], green)
    assert "one hue" in opens_as(tmp_path / "a.png", colours[..., 0], "YX").notes[0]


def test_the_transparency_of_grey_is_left_out(tmp_path, volume, colours):
    Image.fromarray(colours[..., :2].copy(), "LA").save(tmp_path / "a.png")
    opens_as(tmp_path / "a.png", colours[..., 0], "YX")
    (tmp_path / "b.png").write_bytes(imagecodecs.png_encode(np.dstack([volume[0], volume[1]])))
    opens_as(tmp_path / "b.png", volume[0], "YX")


def test_jpeg_is_read_as_pillow_reads_it(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / "a.jpg")
    opens_as(tmp_path / "a.jpg", np.asarray(Image.open(tmp_path / "a.jpg")), "YXS")
    never_read_when_cut(tmp_path / "a.jpg", (0.02, 0.3, 0.6))
    Image.fromarray(colours[..., 0]).save(tmp_path / "b.jpeg")
    opens_as(tmp_path / "b.jpeg", np.asarray(Image.open(tmp_path / "b.jpeg")), "YX")


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_viewers_show_them(tmp_path, colours, name, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / name
    for pixels, axes in ((colours, "YXS"), (colours[..., 0], "YX")):
        Image.fromarray(pixels).save(path, exif=exif)
        shown = np.asarray(ImageOps.exif_transpose(Image.open(path)))
        for for_label in (False, True):
            notes = opens_as(path, shown, axes, for_label).notes
            assert bool(notes) == (orientation > 1)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_other_colour_spaces_are_read_as_red_green_and_blue(tmp_path, colours, mode):
    path = tmp_path / "a.jpg"
    Image.fromarray(colours).convert(mode).save(path)
    opens_as(path, np.asarray(Image.open(path).convert("RGB")), "YXS")


def test_a_picture_that_claims_to_be_enormous_is_refused_before_it_is_decoded(tmp_path, colours):
    data = bytearray(imagecodecs.png_encode(colours))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    # its checksum must fit again
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="60,000 x 60,000 pixels"):
        open_image(tmp_path / "a.png")
