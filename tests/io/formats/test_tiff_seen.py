import numpy as np
import pytest
import tifffile
from agreement import opens_as
from PIL import Image, ImageOps

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image

# tifffile 2026.3.3 and imagecodecs 2026.3.6 do
KNOWS_FAX = tifffile.COMPRESSION(4) in tifffile.TIFF.DECOMPRESSORS


@pytest.fixture
def grey(colours):
    return np.ascontiguousarray(colours[..., 0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("settings", [{}, {"compression": "zlib"}])
def test_orientation_tags_are_applied_to_images_and_labels(tmp_path, colours, grey, orientation, settings):
    path = tmp_path / "a.tif"
    for pixels, axes in ((colours, "YXS"), (grey, "YX")):
        tifffile.imwrite(path, pixels, extratags=[(274, 3, 1, orientation, True)], **settings)
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
        shown = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
        for for_label in (False, True):
            opens_as(path, shown, axes, for_label)


def test_a_turned_stack_keeps_its_slices_and_its_spacing_is_exchanged(tmp_path, volume):
    path = tmp_path / "a.tif"
    options = {"resolution": (1e4 / 0.5, 1e4 / 0.25), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        path, volume, photometric="minisblack", metadata={"axes": "ZYX"}, extratags=[(274, 3, 1, 6, True)], **options
    )
    opened = opens_as(path, np.rot90(volume, -1, (1, 2)), "ZYX")
    assert opened.spacing == pytest.approx({"x": 0.25, "y": 0.5})


def test_white_as_zero_is_inverted_in_images_and_kept_in_labels(tmp_path, grey):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, grey, photometric="miniswhite")
    assert "0 is white" in opens_as(path, 255 - grey, "YX").notes[0]
    opens_as(path, grey, "YX", for_label=True)


def test_one_bit_is_true_where_its_program_meant_it(tmp_path, grey):
    mask = grey > 100
    tifffile.imwrite(tmp_path / "python.tif", mask)
    for for_label in (False, True):
        opens_as(tmp_path / "python.tif", mask, "YX", for_label)


def test_one_bit_of_a_scanner_is_true_where_its_program_meant_it(tmp_path, grey):
    mask = grey > 100
    Image.fromarray(mask).save(tmp_path / "fax.tif", compression="group4")
    if not KNOWS_FAX:
        with pytest.raises(UserError, match="Update tifffile and imagecodecs"):
            opens_as(tmp_path / "fax.tif", mask, "YX", False)
        return
    for for_label in (False, True):
        opens_as(tmp_path / "fax.tif", mask, "YX", for_label)
    with tifffile.TiffFile(tmp_path / "fax.tif") as tif:
        tag = tif.pages[0].tags["PhotometricInterpretation"]
        place, value = tag.valueoffset, tag.value
    data = bytearray((tmp_path / "fax.tif").read_bytes())
    data[place : place + 2] = (1 - value).to_bytes(2, "little")
    (tmp_path / "other.tif").write_bytes(data)
    for for_label in (False, True):
        opens_as(tmp_path / "other.tif", ~mask, "YX", for_label)


def test_a_palette_gives_an_image_its_colours_and_a_label_its_indices(tmp_path, grey):
    table = np.random.default_rng(4).integers(0, 256, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="palette", colormap=table * 257)
    opens_as(tmp_path / "a.tif", table.T[grey].astype(np.uint8), "YXS")
    opens_as(tmp_path / "a.tif", grey, "YX", for_label=True)


def test_what_imagej_paints_stays_an_intensity(tmp_path, grey):
    table = np.random.default_rng(4).integers(0, 256, (3, 256)).astype(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, grey, photometric="palette", colormap=table * 257, description="ImageJ=1.53t\nimages=1\n", metadata=None
    )
    opens_as(path, grey, "YX")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_inks_are_read_as_red_green_and_blue(tmp_path, colours, planar):
    inks = np.dstack([255 - colours, np.zeros_like(colours[..., 0])])
    inks[10:20, :, 3] = 255
    expected = colours.copy()
    expected[10:20] = 0
    array, axes = inks, "YXS"
    if planar == "separate":
        array, expected, axes = np.moveaxis(inks, -1, 0), np.moveaxis(expected, -1, 0), "SYX"
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="separated", planarconfig=planar)
    assert "CMYK" in opens_as(tmp_path / "a.tif", expected, axes).notes[0]


def test_differences_of_colour_are_read_as_red_green_and_blue(tmp_path, colours):
    path = tmp_path / "a.tif"
    smooth = np.repeat(np.repeat(colours[:5, :5], 8, 0), 8, 1)
    Image.fromarray(smooth).convert("YCbCr").save(path)
    with tifffile.TiffFile(path) as tif:
        assert tif.pages[0].photometric == tifffile.PHOTOMETRIC.YCBCR
    assert np.abs(open_image(path).read().astype(int) - smooth).max() <= 3
    Image.fromarray(np.full((8, 8, 3), (60, 0, 0), np.uint8)).convert("LAB").save(tmp_path / "lab.tif")
    red, green, blue = open_image(tmp_path / "lab.tif").read()[4, 4].astype(int)
    assert abs(red - 60) < 6 and green < 6 and blue < 6


def test_transparency_behind_grey_is_left_out_and_a_second_channel_is_not(tmp_path, colours):
    two = np.ascontiguousarray(colours[..., :2])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, two, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"])
    for for_label in (False, True):
        opens_as(path, two[..., 0], "YX", for_label)
    tifffile.imwrite(path, two, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"])
    opens_as(path, two, "YXS")


def test_several_images_in_one_file_are_told_and_can_be_chosen(tmp_path, volume, grey):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(volume, photometric="minisblack", metadata={"axes": "ZYX"})
        writer.write(grey, photometric="minisblack")
    opened = opens_as(path, volume, "ZYX")
    assert "it holds 2 images" in opened.notes[0] and "give a.tif/1" in opened.notes[0]
    assert opens_as(path / "1", grey, "YX").notes == ()
    assert opens_as(path / "0", volume, "ZYX").notes == ()
    with pytest.raises(UserError, match="no '2' in this file"):
        open_image(path / "2")


def test_each_image_of_an_ome_file_has_its_own_spacing(tmp_path, volume, grey):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(
            volume, photometric="minisblack", metadata={"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        )
        writer.write(
            grey, photometric="minisblack", metadata={"axes": "YX", "PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0}
        )
    assert open_image(path).spacing["x"] == 0.5
    assert opens_as(path / "1", grey, "YX").spacing["x"] == 2.0
