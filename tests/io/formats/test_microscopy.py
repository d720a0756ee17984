import struct
import sys

import nrrd
import numpy as np
import pytest
import SimpleITK
from agreement import never_read_when_cut, opens_as
from pylibCZIrw import czi

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def test_czi_is_read_by_region_with_its_spacing(tmp_path, volume):
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path)) as file:
        for z, section in enumerate(volume):
            for x in (0, 25):
                file.write(section[:, x : x + 25, None].copy(), location=(100 + x, 7), plane={"Z": z, "C": 0, "T": 0})
        file.write_metadata("a", scale_x=2.5e-7, scale_y=5e-7, scale_z=2e-6)
    assert opens_as(path, volume, "ZYX").spacing == pytest.approx({"z": 2, "y": 0.5, "x": 0.25})
    never_read_when_cut(path)


def test_a_scene_of_a_czi_is_chosen_by_its_number(tmp_path, colours):
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path), compression_options="zstd1:ExplicitLevel=2") as file:
        for scene in range(2):
            file.write(colours[..., ::-1].copy() + scene, location=(scene * 100, 0), scene=scene)
    opens_as(path, colours, "YXS")
    opens_as(path / "1", colours + np.uint8(1), "YXS")
    with pytest.raises(UserError, match=r"there is no '2' in this file. It holds 0, 1"):
        open_image(path / "2")


def _write_lif(path, images):
    """Leica's container as its description has it: an XML header, then a block of memory for each image."""
    elements, blocks = "", b""
    for k, (name, array) in enumerate(images.items()):
        ids, step, dimensions = {"X": 1, "Y": 2, "Z": 3}, array.itemsize, ""
        for axis, length in zip("XYZ", array.shape[::-1], strict=False):
            dimensions += (
                f'<DimensionDescription DimID="{ids[axis]}" NumberOfElements="{length}" Origin="0" '
                f'Length="{(length - 1) * 5e-7}" Unit="m" BitInc="0" BytesInc="{step}"/>'
            )
            step *= length
        elements += (
            f'<Element Name="{name}" UniqueID="{k}"><Memory Size="{array.nbytes}" MemoryBlockID="MemBlock_{k}"/><Data>'
            '<Image><ImageDescription><Channels><ChannelDescription DataType="0" ChannelTag="0" Resolution="16" '
            'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
            f"</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data></Element>"
        )
        block_name = f"MemBlock_{k}".encode("utf-16-le")
        blocks += struct.pack("<IIBQBI", 0x70, 0, 0x2A, array.nbytes, 0x2A, len(block_name) // 2)
        blocks += block_name + array.tobytes()
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="all"><Data><Experiment/></Data>'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    path.write_bytes(struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml + blocks)


def test_an_image_of_a_lif_is_chosen_by_its_name(tmp_path, volume):
    path = tmp_path / "a.lif"
    _write_lif(path, {"Series 1": volume, "Series 2": volume[0]})
    assert opens_as(path, volume, "ZYX").spacing == pytest.approx({"z": 0.5, "y": 0.5, "x": 0.5})
    opens_as(path / "Series 2", volume[0], "YX")
    opens_as(path / "1", volume[0], "YX")
    with pytest.raises(UserError, match="It holds Series 1, Series 2"):
        open_image(path / "Series 3")
    never_read_when_cut(path, (0.02, 0.1, 0.3, 0.5, 0.8))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_metaimage_is_read_by_region_with_its_spacing(tmp_path, volume, suffix, compressed):
    path, image = tmp_path / f"a{suffix}", SimpleITK.GetImageFromArray(volume)
    image.SetSpacing((0.25, 0.5, 2))
    SimpleITK.WriteImage(image, str(path), compressed)
    assert opens_as(path, volume, "ZYX").spacing == pytest.approx({"z": 2000, "y": 500, "x": 250})
    never_read_when_cut(path, (0.02, 0.5))


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u4", "i8", "f4", "f8"])
def test_metaimage_keeps_its_type(tmp_path, volume, dtype):
    image = (volume % 127).astype(dtype)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image), str(tmp_path / "a.mha"))
    opens_as(tmp_path / "a.mha", image, "ZYX")


def test_metaimage_of_colours(tmp_path, colours):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(colours, isVector=True), str(tmp_path / "a.mha"))
    opens_as(tmp_path / "a.mha", colours, "YXS")


@pytest.mark.parametrize("encoding", ["raw", "gzip", "ascii"])
@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
def test_nrrd_is_z_y_x_with_its_spacing(tmp_path, volume, suffix, encoding):
    path = tmp_path / f"a{suffix}"
    header = {"encoding": encoding, "spacings": [0.25, 0.5, 2], "units": ["um"] * 3}
    nrrd.write(str(path), volume, header, detached_header=suffix == ".nhdr", index_order="C")
    assert opens_as(path, volume, "ZYX").spacing == {"z": 2.0, "y": 0.5, "x": 0.25}
    if encoding != "ascii":
        never_read_when_cut(path, (0.02, 0.5))


def test_nrrd_of_itk_states_its_directions(tmp_path, volume):
    image = SimpleITK.GetImageFromArray(volume)
    image.SetSpacing((0.25, 0.5, 2))
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"))
    assert opens_as(tmp_path / "a.nrrd", volume, "ZYX").spacing == {"z": 2000.0, "y": 500.0, "x": 250.0}


@pytest.mark.parametrize("suffix", [".czi", ".lif", ".nd2", ".mha", ".nrrd"])
def test_text_under_a_microscopes_name_is_told(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("this is no image\n" * 100)
    with pytest.raises(UserError, match=rf"a{suffix}: this file cannot be read"):
        open_image(path)


@pytest.mark.parametrize(
    ("suffix", "library"),
    [(".czi", "pylibCZIrw"), (".lif", "liffile"), (".nd2", "nd2"), (".mhd", "SimpleITK"), (".nrrd", "nrrd")],
)
def test_a_missing_reader_is_told_with_the_line_that_installs_it(tmp_path, monkeypatch, suffix, library):
    for name in [name for name in sys.modules if name.split(".")[0] == library or "io.formats." in name]:
        if name.split(".")[0] == library or name.rsplit(".", 1)[1] in ("czi", "lif", "nd2", "metaimage", "nrrd"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / f"a{suffix}").write_text("x")
    with pytest.raises(UserError, match=r'pip install "nbtrainer\[microscopy\]"'):
        open_image(tmp_path / f"a{suffix}")
