import nibabel
import numpy as np
import pytest
from agreement import never_read_when_cut, opens_as

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def _write(path, array, unit="mm", zooms=None, time=None):
    image = nibabel.Nifti1Image(array.T, np.eye(4))
    image.header.set_zooms(zooms or (1,) * array.ndim)
    image.header.set_xyzt_units(unit, time)
    image.to_filename(path)


@pytest.mark.feature(47)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(("unit", "length"), [("micron", 1), ("mm", 1e3), ("meter", 1e6), (None, 1e3)])
def test_a_volume_is_z_y_x_with_its_spacing(tmp_path, volume, suffix, unit, length):
    path, image = tmp_path / f"a{suffix}", volume.astype(np.int16)
    zooms = (0.25, 0.5, 2.0) if length < 1e6 else (1e-3, 2e-3, 3e-3)
    _write(path, image, unit, zooms)
    spacing = opens_as(path, image, "ZYX").spacing
    assert spacing == pytest.approx({axis: zoom * length for axis, zoom in zip("xyz", zooms, strict=True)})
    never_read_when_cut(path)


@pytest.mark.feature(47)
def test_time_comes_first_and_a_single_time_point_is_no_axis(tmp_path, volume):
    series = np.stack([volume, volume[::-1]]).astype(np.int16)
    _write(tmp_path / "a.nii", series, zooms=(1, 1, 1, 2.5), time="sec")
    opens_as(tmp_path / "a.nii", series, "TZYX")
    # modalities of a scanner are kept in the fourth axis too, and nothing but its unit tells them apart
    _write(tmp_path / "d.nii", series)
    opens_as(tmp_path / "d.nii", series, "?ZYX")
    _write(tmp_path / "b.nii.gz", series[:1])
    opens_as(tmp_path / "b.nii.gz", series[0], "ZYX")
    _write(tmp_path / "c.nii", volume[0].astype(np.int16))
    opens_as(tmp_path / "c.nii", volume[0].astype(np.int16), "YX")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_scaling_is_honoured(tmp_path, volume, suffix):
    image = nibabel.Nifti1Image(volume.T.astype(np.float32) / 7, np.eye(4))
    image.set_data_dtype(np.int16)
    image.to_filename(tmp_path / f"a{suffix}")
    opened = open_image(tmp_path / f"a{suffix}")
    assert opened.dtype == np.float32
    expected = nibabel.load(tmp_path / f"a{suffix}").get_fdata().T
    assert np.allclose(opened.read(), expected, atol=0.01)
    assert np.array_equal(opened.array[1:3, 5], opened.read()[1:3, 5])


def test_a_large_compressed_volume_is_unpacked_once(tmp_path, monkeypatch, volume):
    monkeypatch.setattr("nbtrainer.io.formats.chunked.LARGEST_CHUNK", 1000)
    _write(tmp_path / "a.nii.gz", volume.astype(np.int16))
    opened = open_image(tmp_path / "a.nii.gz")
    assert not (tmp_path / "cache").exists()
    steps = []
    opened.prepare(lambda done, total: steps.append((done, total)))
    assert steps[-1] == (opened.nbytes, opened.nbytes)
    opens_as(tmp_path / "a.nii.gz", volume.astype(np.int16), "ZYX")
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1


def test_colours_and_complex_numbers_are_refused(tmp_path, volume):
    nibabel.Nifti1Image(volume.T.astype(np.complex64), np.eye(4)).to_filename(tmp_path / "a.nii")
    with pytest.raises(UserError, match="not plain numbers"):
        open_image(tmp_path / "a.nii")


def test_files_are_unpacked_by_what_they_are_not_by_what_they_are_called(tmp_path, volume):
    image = volume.astype(np.int16)
    _write(tmp_path / "a.nii.gz", image)
    (tmp_path / "a.nii.gz").rename(tmp_path / "packed.nii")
    _write(tmp_path / "a.nii", image)
    (tmp_path / "a.nii").rename(tmp_path / "plain.nii.gz")
    for name in ("packed.nii", "plain.nii.gz"):
        opens_as(tmp_path / name, image, "ZYX")


def test_the_place_is_what_the_header_says_and_unknown_without_a_code(tmp_path, volume):
    affine = np.array([[-0.5, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 2, -30], [0, 0, 0, 1]])
    image = nibabel.Nifti1Image(volume.astype(np.int16).T, affine)
    image.to_filename(tmp_path / "a.nii")
    place = open_image(tmp_path / "a.nii").orientation
    assert np.allclose(place.affine("XYZ"), affine) and place.orientation("ZYX") == "SPL"
    image.header["sform_code"] = image.header["qform_code"] = 0
    nibabel.Nifti1Image(image.dataobj, None, image.header).to_filename(tmp_path / "b.nii")
    assert open_image(tmp_path / "b.nii").orientation is None
