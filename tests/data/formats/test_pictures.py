import imagecodecs
import numpy as np
import pytest
from agreement import never_read_when_cut, opens_as
from PIL import Image

from nbtrainer.data.formats import open_image
from nbtrainer.errors import UserError


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


def test_a_palette_gives_its_indices(tmp_path, colours):
    indices = colours[..., 0] // 4
    picture = Image.fromarray(indices).convert("P")
    picture.putdata(indices.ravel().tolist())
    picture.putpalette([255 - k // 3 for k in range(768)])
    picture.save(tmp_path / "a.png")
    opens_as(tmp_path / "a.png", indices, "YX")


def test_the_transparency_of_grey_is_left_out(tmp_path, volume, colours):
    Image.fromarray(colours[..., :2].copy(), "LA").save(tmp_path / "a.png")
    opens_as(tmp_path / "a.png", colours[..., 0], "YX")
    (tmp_path / "b.png").write_bytes(imagecodecs.png_encode(np.dstack([volume[0], volume[1]])))
    opens_as(tmp_path / "b.png", volume[0], "YX")


def test_jpeg_is_read_as_pillow_reads_it_and_is_not_turned(tmp_path, colours):
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(colours).save(tmp_path / "a.jpg", exif=turned)
    opens_as(tmp_path / "a.jpg", np.asarray(Image.open(tmp_path / "a.jpg")), "YXS")
    never_read_when_cut(tmp_path / "a.jpg", (0.02, 0.3, 0.6))
    Image.fromarray(colours[..., 0]).save(tmp_path / "b.jpeg")
    opens_as(tmp_path / "b.jpeg", np.asarray(Image.open(tmp_path / "b.jpeg")), "YX")


def test_a_picture_that_claims_to_be_enormous_is_refused_before_it_is_decoded(tmp_path, colours):
    data = bytearray(imagecodecs.png_encode(colours))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    # its checksum must fit again
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="60,000 x 60,000 pixels"):
        open_image(tmp_path / "a.png")
