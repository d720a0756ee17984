import numpy as np
import pytest
import tifffile
from agreement import never_read_when_cut, opens_as

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image

GREY = {"photometric": "minisblack"}


@pytest.mark.feature(32, 56)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"rowsperstrip": 7, "metadata": None},
        {"compression": "zlib"},
        {"compression": "lzw", "predictor": True},
        {"compression": "zstd", "rowsperstrip": 16},
        {"tile": (16, 32)},
        {"tile": (32, 16), "compression": "zlib", "byteorder": ">"},
        {"volumetric": True, "tile": (4, 16, 32), "compression": "zlib"},
    ],
    ids=str,
)
def test_stacks_are_read_by_region_however_they_are_stored(tmp_path, volume, settings):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, volume, **GREY, **settings)
    opens_as(path, volume, "ZYX" if "volumetric" in settings else "?YX")
    never_read_when_cut(path)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "f2", "f4", "f8", "?"])
def test_every_plain_type_keeps_its_numbers(tmp_path, volume, dtype):
    path, image = tmp_path / "a.tif", (volume % 2 if dtype == "?" else volume % 127).astype(dtype)
    tifffile.imwrite(path, image, **GREY, compression="zlib")
    opens_as(path, image, "?YX")


def test_pages_that_do_not_follow_each_other_are_mapped(tmp_path, volume):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in volume:
            writer.write(page, contiguous=False, metadata=None)
    opened = opens_as(tmp_path / "a.tif", volume, "?YX")
    assert type(opened.array).__name__ == "StoredPages"
    never_read_when_cut(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "zlib", "jpeg"])
def test_colours_are_samples(tmp_path, colours, compression):
    path = tmp_path / "a.tif"
    settings = {"compression": compression, "rowsperstrip": 16}
    tifffile.imwrite(path, colours, photometric="rgb", **settings)
    opens_as(path, tifffile.imread(path), "YXS")
    planes = np.ascontiguousarray(colours.transpose(2, 0, 1))
    if compression != "jpeg":
        tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", **settings)
        opens_as(path, planes, "SYX")
        rgba = np.dstack([colours, colours[..., :1]])
        tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=["unassalpha"], **settings)
        opens_as(path, rgba, "YXS")


def test_a_palette_that_tells_nothing_apart_is_not_applied(tmp_path, colours):
    tifffile.imwrite(tmp_path / "a.tif", colours[..., 0], photometric="palette", colormap=np.ones((3, 256), "u2"))
    opens_as(tmp_path / "a.tif", colours[..., 0], "YX")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_ome_states_axes_and_spacing(tmp_path, volume, compression):
    path, image = tmp_path / "a.ome.tif", volume.reshape(2, 3, 40, 50)
    told = {"axes": "CZYX", "PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2}
    tifffile.imwrite(path, image, **GREY, metadata=told, compression=compression)
    assert opens_as(path, image, "CZYX").spacing == {"z": 2.0, "y": 0.5, "x": 0.25}
    never_read_when_cut(path, (0.1, 0.5, 0.9, 0.999))


@pytest.mark.parametrize(("unit", "length"), [("micron", 1), ("um", 1), ("\\u00B5m", 1), ("nm", 1e-3), ("mm", 1e3)])
def test_imagej_states_axes_and_spacing(tmp_path, volume, unit, length):
    path, image = tmp_path / "a.tif", volume.reshape(3, 2, 40, 50)
    tifffile.imwrite(
        path, image, imagej=True, resolution=(4, 2), metadata={"axes": "ZCYX", "unit": unit, "spacing": 3.0}
    )
    assert opens_as(path, image, "ZCYX").spacing == pytest.approx({"z": 3 * length, "y": length / 2, "x": length / 4})
    never_read_when_cut(path)


def test_a_stack_that_imagej_wrote_under_one_page_is_whole(tmp_path, volume):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, volume, imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tif:
        link = tif.pages[0].offset + 2 + 12 * len(tif.pages[0].tags)
    data = bytearray(path.read_bytes())
    data[link : link + 4] = bytes(4)
    path.write_bytes(data)
    with tifffile.TiffFile(path) as tif:
        assert len(tif.pages) == 1
    opens_as(path, volume, "ZYX")
    never_read_when_cut(path)


def test_imagej_in_pixels_states_no_spacing(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(1, 1), metadata={"spacing": 1.0})
    assert open_image(tmp_path / "a.tif").spacing == {}


@pytest.mark.parametrize(
    ("resolution", "unit", "spacing"),
    [
        (20000, "CENTIMETER", {"y": 0.5, "x": 0.5}),
        (72, "INCH", {}),
        (30000, "INCH", {}),
        (300 / 2.54, "CENTIMETER", {}),
        (1, "CENTIMETER", {}),
        (4, "NONE", {}),
    ],
)
def test_a_resolution_counts_only_in_centimetres_and_not_for_a_screen(tmp_path, volume, resolution, unit, spacing):
    tifffile.imwrite(tmp_path / "a.tif", volume[0], resolution=(resolution,) * 2, resolutionunit=unit)
    assert open_image(tmp_path / "a.tif").spacing == pytest.approx(spacing)


def test_a_set_of_ome_files_is_one_image_only_while_it_is_complete(tmp_path, volume):
    ids = [f"urn:uuid:0000000{k}-0000-0000-0000-000000000000" for k in range(2)]
    blocks = "".join(
        f'<TiffData FirstT="{k}" IFD="0" PlaneCount="1"><UUID FileName="t{k}.ome.tif">{ids[k]}</UUID></TiffData>'
        for k in range(2)
    )
    for k in range(2):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[k]}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="50" SizeY="40" '
            'SizeZ="1" SizeC="1" SizeT="2" PhysicalSizeX="0.5"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
            f"{blocks}</Pixels></Image></OME>"
        )
        tifffile.imwrite(tmp_path / f"t{k}.ome.tif", volume[k], description=xml, metadata=None)
    assert opens_as(tmp_path / "t0.ome.tif", volume[:2], "TYX").spacing == {"x": 0.5}
    (tmp_path / "t1.ome.tif").unlink()
    (tmp_path / "alone").mkdir()
    alone = (tmp_path / "t0.ome.tif").rename(tmp_path / "alone" / "t0.ome.tif")
    assert opens_as(alone, volume[0], "YX").spacing == {"x": 0.5}


def test_a_large_compressed_page_of_one_strip_is_unpacked_once(tmp_path, monkeypatch, volume):
    monkeypatch.setattr("nbtrainer.io.formats.tiff.LARGEST_CHUNK", 1000)
    monkeypatch.setattr("nbtrainer.io.formats.chunked.LARGEST_CHUNK", 1000)
    tifffile.imwrite(tmp_path / "a.tif", volume, **GREY, compression="zlib", rowsperstrip=40)
    opens_as(tmp_path / "a.tif", volume, "?YX")
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1


def test_sparse_tiles_are_zero(tmp_path):
    tiles = iter([b""] * 4)
    tifffile.imwrite(tmp_path / "a.tif", tiles, shape=(32, 32), dtype="u1", tile=(16, 16), compression="zlib")
    assert not open_image(tmp_path / "a.tif").read().any()


def test_complex_numbers_are_refused(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume.astype(np.complex64))
    with pytest.raises(UserError, match="not plain numbers"):
        open_image(tmp_path / "a.tif")
