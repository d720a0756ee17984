from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

import nbtrainer as nbt
from nbtrainer.data.views import whole
from nbtrainer.datasets import survey

LPS = np.diag([-1.0, -1.0, 2.0, 1.0])


def _warnings(config) -> str:
    assert [str(finding) for finding in nbt.check(config) if finding.level == "error"] == []
    return "\n".join(str(finding) for finding in nbt.check(config))


def _pairs(config) -> list[tuple[np.ndarray, np.ndarray]]:
    found = survey(config)
    return [tuple(whole(view) for view in found.preparation.open(pair)) for pair in found.pairs]


def _folders(tmp_path: Path, config, dim: int) -> tuple[Path, Path]:
    images, labels = tmp_path / "own" / "images", tmp_path / "own" / "labels"
    images.mkdir(parents=True)
    labels.mkdir()
    config.task.dim, config.data.validation_fraction = dim, 0
    config.sampling.patch_size = [16, 32, 32][-dim:]
    config.data.datasets = [{"images": str(images), "labels": str(labels)}]
    return images, labels


@pytest.fixture
def ball():
    """A volume (z, y, x) with a bright ball out of its middle, and the label of the ball."""
    z, y, x = np.indices((20, 40, 36))
    label = ((z - 7) ** 2 + (y - 12) ** 2 + (x - 9) ** 2 < 36).astype(np.uint8)
    return (100 + 150 * label).astype(np.int16), label


def _turned(array: np.ndarray, affine: np.ndarray, order: tuple[int, ...], flips: tuple[int, ...]):
    """The same voxels (x, y, z) at the same place, with their axes in another order, some counted from the other end."""
    matrix, moved = affine.copy(), array
    for axis in flips:
        matrix[:3, 3] += matrix[:3, axis] * (array.shape[axis] - 1)
        matrix[:3, axis] *= -1
        moved = np.flip(moved, axis)
    return moved.transpose(order), matrix[:, [*order, 3]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_a_label_with_other_axes_is_laid_on_its_image_by_their_place_in_space(
    tmp_path, small_config, ball, order, flips
):
    images, labels = _folders(tmp_path, small_config, dim=3)
    image, label = ball
    for number in range(2):
        nibabel.Nifti1Image(image.T, LPS).to_filename(images / f"a{number}.nii.gz")
        nibabel.Nifti1Image(*_turned(label.T, LPS, order, flips)).to_filename(labels / f"a{number}.nii.gz")
    told = _warnings(small_config)
    assert ("are brought together" in told) == (order != (0, 1, 2) or flips != ())
    for seen, its_label in _pairs(small_config):
        assert np.array_equal(seen[0], image) and np.array_equal(its_label, label)
    small_config.task.dim, small_config.sampling.patch_size = 2, [32, 32]
    planes = _pairs(small_config)[:20]
    assert np.array_equal(np.stack([plane for _, plane in planes]), label)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_places_of_different_formats_are_compared(tmp_path, small_config, ball, suffix):
    simple_itk = pytest.importorskip("SimpleITK")
    images, labels = _folders(tmp_path, small_config, dim=3)
    image, label = ball
    for number in range(2):
        nibabel.Nifti1Image(image.T, LPS).to_filename(images / f"a{number}.nii.gz")
        written = simple_itk.GetImageFromArray(
            label[:, ::-1]
        )  # y from the other end, in a system of left and posterior
        written.SetSpacing((1.0, 1.0, 2.0))
        written.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
        written.SetOrigin((0.0, 39.0, 0.0))
        simple_itk.WriteImage(written, str(labels / f"a{number}{suffix}"))
    assert "are brought together" in _warnings(small_config)
    assert all(np.array_equal(its_label, label) for _, its_label in _pairs(small_config))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda affine: affine @ np.diag([2.0, 2, 1, 1]), "its voxels are 2 x 2 x 2 mm"),
        (
            lambda affine: affine + np.array([[0, 0, 0, 7.0], [0] * 4, [0] * 4, [0] * 4]),
            "7 mm from the place of its image",
        ),
        (lambda affine: np.diag([1.0, -1, 2, 1]), "its axes point to SPR, those of its image to SPL"),
    ],
)
def test_a_label_that_lies_elsewhere_is_told_and_stays_as_it_is(tmp_path, small_config, ball, change, said):
    images, labels = _folders(tmp_path, small_config, dim=3)
    image, label = ball
    for number in range(2):
        nibabel.Nifti1Image(image.T, LPS).to_filename(images / f"a{number}.nii")
        nibabel.Nifti1Image(label.T, change(LPS)).to_filename(labels / f"a{number}.nii")
    assert said in _warnings(small_config)
    assert all(np.array_equal(its_label, label) for _, its_label in _pairs(small_config))


def test_pixel_sizes_that_differ_are_told_where_there_is_no_place(small_config):
    for kind, length in (("images", 0.5), ("labels", 0.4)):
        for path in sorted(Path(getattr(small_config.data.datasets[0], kind)).iterdir()):
            array = tifffile.imread(path)
            tifffile.imwrite(path, array, resolution=(1e4 / length,) * 2, resolutionunit="CENTIMETER")
    assert "its pixels are 0.4 x 0.4 µm, those of its image 0.5 x 0.5 µm" in _warnings(small_config)


def test_a_set_of_mixed_orientations_is_told(tmp_path, small_config, ball):
    images, labels = _folders(tmp_path, small_config, dim=3)
    for number, affine in enumerate((LPS, np.diag([1.0, 1, 2, 1]))):
        for folder, array in zip((images, labels), ball, strict=True):
            nibabel.Nifti1Image(array.T, affine).to_filename(folder / f"a{number}.nii")
    told = _warnings(small_config)
    assert "the axes of the images point in 2 different ways: those of a0.nii to SPL, a1.nii to SAR" in told


def test_an_orientation_tag_is_told_unless_the_label_has_it_too(tmp_path, small_config):
    images, labels = _folders(tmp_path, small_config, dim=2)
    y, x = np.ogrid[:64, :48]
    disc = np.hypot(y - 20, x - 14) < 10
    exif = Image.Exif()
    exif[274] = 6
    for number in range(2):
        Image.fromarray((disc * 150 + 50).astype(np.uint8)).save(images / f"a{number}.png", exif=exif)
        Image.fromarray(np.rot90(disc, -1).astype(np.uint8)).save(labels / f"a{number}.png")
    assert "its orientation tag says that it is to be seen turned by 90 degrees" in _warnings(small_config)
    for image, label in _pairs(small_config):
        assert np.array_equal(image[0] > 100, label > 0)
    for number in range(2):
        Image.fromarray(disc.astype(np.uint8)).save(labels / f"a{number}.png", exif=exif)
    assert "orientation tag" not in _warnings(small_config)
    for image, label in _pairs(small_config):
        assert np.array_equal(image[0] > 100, label > 0)


def test_a_repair_of_a_turned_label_lies_on_its_image(tmp_path, small_config, ball):
    images, labels = _folders(tmp_path, small_config, dim=3)
    image, label = ball
    for number in range(2):
        nibabel.Nifti1Image(image.T, LPS).to_filename(images / f"a{number}.nii")
        nearly = label.astype(np.float32) * np.float32(1.01)
        nibabel.Nifti1Image(*_turned(nearly.T, LPS, (2, 1, 0), (0,))).to_filename(labels / f"a{number}.nii")
    nbt.api.fix_all(small_config)
    assert "repaired" in small_config.data.datasets[0].labels
    assert all(np.array_equal(its_label, label) for _, its_label in _pairs(small_config))


def test_grey_saved_as_colour_among_greys_is_told_with_what_to_set(small_config):
    path = Path(small_config.data.datasets[0].images) / "img_1.tif"
    tifffile.imwrite(path, np.repeat(tifffile.imread(path)[..., None], 3, axis=-1), photometric="rgb")
    told = "\n".join(str(finding) for finding in nbt.check(small_config) if finding.level == "error")
    assert "img_1.tif is grey saved as colour: set model.input_channels to 1 and data.channel_rule to remove" in told
    small_config.update(model={"input_channels": 1}, data={"channel_rule": "remove"})
    assert [str(finding) for finding in nbt.check(small_config) if finding.level == "error"] == []
    assert all(len(image) == 1 for image, _ in _pairs(small_config))


def test_a_label_drawn_on_the_pixels_as_stored_is_refused_with_the_reason(tmp_path, small_config):
    images, labels = _folders(tmp_path, small_config, dim=2)
    exif = Image.Exif()
    exif[274] = 8
    for number in range(2):
        Image.fromarray(np.full((64, 48), 50 + number, np.uint8)).save(images / f"a{number}.jpg", exif=exif)
        Image.fromarray(np.eye(64, 48).astype(np.uint8)).save(labels / f"a{number}.png")
    told = "\n".join(str(finding) for finding in nbt.check(small_config))
    assert "it is 64 x 48, but its image a0.jpg is 48 x 64. The orientation tag of the image turns it" in told


def test_a_jpeg_is_known_as_one_whatever_it_is_called(small_config):
    path = Path(small_config.data.datasets[0].labels) / "img_1.tif"
    Image.fromarray(tifffile.imread(path) * 255).save(path, format="JPEG")
    assert "it is a JPEG, which changes values" in "\n".join(str(finding) for finding in nbt.check(small_config))
