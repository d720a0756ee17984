import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

import nbtrainer as nbt
from nbtrainer.cli.main import app
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.inference.time_series import predict_file
from nbtrainer.io.formats import open_image

LPS = np.array([[-0.5, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 2, -30], [0, 0, 0, 1]])


@pytest.fixture
def model(trained):
    return nbt.load_model(trained.directory)


@pytest.fixture
def grey():
    y, x = np.ogrid[:64, :64]
    noise = np.random.default_rng(2).normal(0, 15, (64, 64))
    return (60 + 120 * (np.hypot(y - 30, x - 26) < 14) + noise).clip(0, 255).astype(np.uint8)


def _predict(model, *arguments) -> str:
    done = CliRunner().invoke(app, ["predict", str(model.path), *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("count", "options"), [(1, []), (3, []), (4, []), (3, ["--format", "zarr"]), (4, ["--format", "nii.gz"])]
)
def test_slices_are_slices_whatever_their_number(model, grey, tmp_path, count, options):
    stack = np.stack([np.roll(grey, 7 * k, axis=1) for k in range(count)])
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"})
    _predict(model, tmp_path / "s.tif", "--out", tmp_path / "out", "--maps", *options)
    expected = np.stack([model.predict(plane) for plane in stack])
    suffix = options[1] if options else "tif"
    written = open_image(tmp_path / "out" / f"s.{suffix}", for_label=True)
    # a single slice is the image itself
    assert (written.axes, written.read().tolist()) == (
        ("ZYX", expected.tolist()) if count > 1 else ("YX", expected[0].tolist())
    )
    (own,) = (tmp_path / "out").glob(f"s_*.{suffix}")
    maps = open_image(own)
    assert (maps.axes, maps.shape) == (written.axes, written.shape)
    if suffix == "tif":
        with tifffile.TiffFile(tmp_path / "out" / "s.tif") as tif:
            assert tif.pages[0].photometric == tifffile.PHOTOMETRIC.MINISBLACK and len(tif.pages) == count


@pytest.mark.parametrize(
    ("axes", "options"),
    [("TYX", []), ("TZYX", []), ("YXT", []), ("TZYX", ["--format", "zarr"]), ("TYX", ["--format", "nii.gz"])],
)
def test_a_time_series_is_read_frame_by_frame_and_written_as_one(model, grey, tmp_path, axes, options):
    frames = [np.roll(grey, 7 * k, axis=1) for k in range(3)]
    expected = np.stack([model.predict(frame) for frame in frames])
    series = np.stack(frames)
    if axes == "TZYX":
        series, expected = (np.stack([each, each], axis=1) for each in (series, expected))
    stored = np.moveaxis(series, 0, -1) if axes == "YXT" else series
    tifffile.imwrite(tmp_path / "s.tif", stored, photometric="minisblack", metadata={"axes": axes})
    assert np.array_equal(model.predict(tmp_path / "s.tif"), expected)
    assert model.predict_raw(tmp_path / "s.tif").shape == (1, *expected.shape)
    _predict(model, tmp_path / "s.tif", "--out", tmp_path / "out", "--measure", *options)
    written = open_image(tmp_path / "out" / f"s.{options[1] if options else 'tif'}", for_label=True)
    assert written.axes.replace("?", "T") == ("TZYX" if axes == "TZYX" or "nii.gz" in options else "TYX")
    assert np.array_equal(written.read().reshape(expected.shape), expected)
    header, *rows = (tmp_path / "out" / "s.csv").read_text().splitlines()
    assert header.startswith("frame,") and {row[0] for row in rows} == {"0", "1", "2"}


def test_a_time_series_is_scored_frame_by_frame(model, grey, tmp_path):
    frames = np.stack([grey, np.roll(grey, 9, axis=1)])
    labels = model.predict(frames)
    for name, array in (("image.tif", frames), ("label.tif", labels)):
        tifffile.imwrite(tmp_path / name, array, imagej=True, metadata={"axes": "TYX"})
    scores = nbt.evaluate(model, tmp_path / "image.tif", tmp_path / "label.tif")
    assert [row["image"] for row in scores["images"]] == ["image.tif [0]", "image.tif [1]"]
    assert all(row["dice"] == 1 for row in scores["images"])


def test_grey_saved_as_colour_is_read_as_grey_and_told(model, grey, tmp_path):
    expected = model.predict(grey)
    opaque = np.full_like(grey, 255)
    pictures = {
        "rgb.png": Image.fromarray(np.dstack([grey] * 3)),
        "rgba.png": Image.fromarray(np.dstack([grey] * 3 + [opaque])),
        "la.png": Image.fromarray(np.dstack([grey, opaque]), "LA"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        found = predict_file(model, tmp_path / name)
        assert np.array_equal(found.labels, expected)
        assert any("grey saved as colour" in note for note in found.notes) == (name != "la.png")
    with pytest.warns(UserWarning, match="grey saved as colour"):
        assert np.array_equal(model.predict(np.dstack([grey] * 3)), expected)


@pytest.mark.parametrize("change", ["colour", "transparency"])
def test_real_colours_and_real_transparency_are_refused(model, grey, change):
    pixels = np.dstack([grey] * 3 + [np.full_like(grey, 255)])
    pixels[5, 5, 1 if change == "colour" else 3] ^= 1
    with pytest.raises(nbt.UserError, match="4 channels, but the model was trained on 1"):
        model.predict(pixels)


@pytest.fixture
def colour_model(small_config, tmp_path, grey):
    for kind in ("images", "labels"):
        (tmp_path / "rgb" / kind).mkdir(parents=True)
    for k in range(2):
        pixels = np.dstack([np.roll(grey, 7 * k, axis=1), 255 - grey, grey // 2])
        Image.fromarray(pixels).save(tmp_path / "rgb" / "images" / f"{k}.png")
        Image.fromarray((grey > 110).astype(np.uint8)).save(tmp_path / "rgb" / "labels" / f"{k}.png")
    small_config.data.datasets = [{"images": str(tmp_path / "rgb/images"), "labels": str(tmp_path / "rgb/labels")}]
    small_config.update(training={"iterations": 1})
    return nbt.load_model(nbt.train(small_config).directory)


def test_a_model_of_colours_takes_grey_and_opaque_transparency(colour_model, grey, tmp_path):
    pixels = np.dstack([grey, 255 - grey, grey // 2])
    with pytest.warns(UserWarning, match="opaque transparency, which is left out"):
        found = colour_model.predict(np.dstack([pixels, np.full_like(grey, 255)]))
    assert np.array_equal(found, colour_model.predict(pixels))
    with pytest.warns(UserWarning, match="shown to the network as equal colours"):
        assert np.array_equal(colour_model.predict(grey), colour_model.predict(np.dstack([grey] * 3)))


def test_a_model_of_channels_that_are_no_colours_takes_no_grey(colour_model, grey):
    record = load_checkpoint(colour_model.path) | {"in_colours": False}
    with pytest.raises(nbt.UserError, match="1 channel, but the model was trained on 3"):
        type(colour_model)(record).predict(grey)


def test_planes_of_colour_in_any_order_are_read_alike(colour_model, grey, tmp_path):
    pixels = np.dstack([grey, 255 - grey, grey // 2])
    expected = colour_model.predict(pixels)
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "imagej.tif", np.moveaxis(pixels, -1, 0), imagej=True, metadata={"axes": "CYX"})
    for name in ("planar.tif", "imagej.tif"):
        assert np.array_equal(colour_model.predict(tmp_path / name), expected)


@pytest.mark.parametrize("z_axis", [None, 2])
def test_predictions_lie_where_their_image_lies(model, grey, tmp_path, z_axis):
    volume = np.stack([np.roll(grey, 7 * k, axis=1) for k in range(5)])
    model.preparation = type(model.preparation)(**vars(model.preparation) | {"z_axis": z_axis})
    stored = volume if z_axis is None else np.moveaxis(volume, 0, -1)
    nibabel.Nifti1Image(stored.T, LPS).to_filename(tmp_path / "a.nii.gz")
    _predict_with(model, tmp_path / "a.nii.gz", tmp_path / "out")
    image, label = (nibabel.load(tmp_path / name) for name in ("a.nii.gz", "out/a.nii.gz"))
    values = np.asarray(label.dataobj)
    expected = np.stack([model.predict(plane) for plane in volume])
    for place in ((3, 30, 26), (0, 0, 0), (4, 63, 2)):
        own = np.array(place) if z_axis is None else np.array([*place[1:], place[0]])
        world = image.affine @ [*own[::-1], 1]
        x, y, z = np.round(np.linalg.inv(label.affine) @ world)[:3].astype(int)
        assert values[x, y, z] == expected[place]


def _predict_with(model, file, out):
    from nbtrainer.inference.write import label_name, write_array

    out.mkdir()
    found = predict_file(model, file)
    write_array(
        found.labels,
        image=file,
        target=out / label_name(file),
        spacing=found.spacing,
        axes=found.axes,
        orientation=found.orientation,
    )


def test_a_file_with_a_wrong_name_is_predicted_by_its_content_and_told(model, grey, tmp_path):
    Image.fromarray(grey).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    with pytest.warns(UserWarning, match="it is a PNG, and is read as one"):
        assert np.array_equal(model.predict(tmp_path / "a.tif"), model.predict(grey))


def test_a_label_that_is_turned_against_its_image_is_scored_where_it_lies(model, grey, tmp_path):
    volume = np.stack([grey, np.roll(grey, 9, axis=1)])
    label = np.stack([model.predict(plane) for plane in volume])
    nibabel.Nifti1Image(volume.T, LPS).to_filename(tmp_path / "image.nii.gz")
    turned = LPS.copy()
    turned[:3, 3] += 63 * LPS[:3, 0]
    turned[:3, 0] *= -1
    nibabel.Nifti1Image(label.T[::-1], turned).to_filename(tmp_path / "label.nii.gz")
    scores = nbt.evaluate(model, tmp_path / "image.nii.gz", tmp_path / "label.nii.gz")
    assert [row["dice"] for row in scores["images"]] == [1, 1]


def test_an_image_that_lies_otherwise_than_those_of_the_training_is_told(model, grey, tmp_path):
    nibabel.Nifti1Image(np.stack([grey, grey]).T, LPS).to_filename(tmp_path / "a.nii")
    model.record["orientation"] = "SAR"
    with pytest.warns(UserWarning, match="its axes point to SPL, those of the training to SAR"):
        model.predict(tmp_path / "a.nii")
