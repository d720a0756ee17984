"""What training takes can be scored, found and paired by the same code."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile

import nbtrainer as nbt
from nbtrainer.cli.main import app
from nbtrainer.errors import SettingError, UserError
from nbtrainer.inference.predictor import Predictor

BOX = [(10, 10), (30, 10), (30, 20), (10, 20)]  # x, y


def _image(seed: int) -> np.ndarray:
    image = np.random.default_rng(seed).integers(0, 60, (64, 64), np.uint8)
    image[10:20, 10:30] += 150
    return image


def _mask() -> np.ndarray:
    mask = np.zeros((64, 64), np.uint8)
    mask[10:20, 10:30] = 1
    return mask


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Predictor:
    """A model of one step."""
    folder = tmp_path_factory.mktemp("evaluate")
    for number in range(2):
        for kind, array in (("images", _image(number)), ("labels", _mask())):
            (folder / kind).mkdir(exist_ok=True)
            tifffile.imwrite(folder / kind / f"m{number}.tif", array)
    config = nbt.Config.preset("binary_2d")
    config.data.datasets = [{"images": str(folder / "images"), "labels": str(folder / "labels")}]
    config.update(
        sampling={"patch_size": [32, 32]},
        model={"features": [4, 8]},
        training={"epochs": 1, "steps_per_epoch": 1, "precision": "float32", "torch_compile": "off"},
        output={"root": str(folder / "runs")},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    return nbt.load_model(run.directory)


def _geojson(folder: Path) -> None:
    geometry = {"type": "Polygon", "coordinates": [[*BOX, BOX[0]]]}
    features = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": geometry, "properties": {}}]}
    for name in ("a", "b"):
        (folder / f"{name}.geojson").write_text(json.dumps(features))


def _coco(folder: Path) -> None:
    ring = [float(number) for point in BOX for number in point]
    notes = [{"id": k, "image_id": k, "category_id": 1, "segmentation": [ring]} for k in range(2)]
    images = [{"id": k, "file_name": f"{name}.tif", "width": 64, "height": 64} for k, name in enumerate("ab")]
    content = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "cell"}]}
    (folder / "all.json").write_text(json.dumps(content))


def _rois(folder: Path) -> None:
    for name in ("a", "b"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("1.roi", roifile.ImagejRoi.frompoints(np.array(BOX, float)).tobytes())


@pytest.mark.parametrize("write", [_geojson, _coco, _rois])
@pytest.mark.parametrize("beside", [False, True])
def test_outlines_score_like_the_label_images_that_they_are(model, tmp_path, write, beside):
    raw, drawn, painted = (tmp_path / name for name in ("raw", "raw" if beside else "drawn", "painted"))
    for folder in (raw, drawn, painted):
        folder.mkdir(exist_ok=True)
    for number, name in enumerate(("a", "b")):
        tifffile.imwrite(raw / f"{name}.tif", _image(number))
        tifffile.imwrite(painted / f"{name}.tif", _mask())
    write(drawn)
    assert nbt.evaluate(model, raw, None if beside else drawn) == nbt.evaluate(model, raw, painted)


def test_outlines_of_a_stack_score_on_their_slices(model, tmp_path):
    stack = np.stack([_image(number) for number in range(3)])
    tifffile.imwrite(tmp_path / "s.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        roi = roifile.ImagejRoi.frompoints(np.array(BOX, float))
        roi.position = 2
        archive.writestr("1.roi", roi.tobytes())
    masks = np.stack([0 * _mask(), _mask(), 0 * _mask()])
    tifffile.imwrite(tmp_path / "labels.tif", masks, imagej=True, metadata={"axes": "ZYX"})
    found = nbt.evaluate(model, tmp_path / "s.tif", tmp_path / "s.zip")
    expected = nbt.evaluate(model, tmp_path / "s.tif", tmp_path / "labels.tif")
    assert str(found) == str(expected) and len(found["images"]) == 3  # as text, since scores of nothing are no numbers


def test_outlines_of_a_time_series_score_at_their_time(model, tmp_path):
    series = np.stack([_image(number) for number in range(3)])
    tifffile.imwrite(tmp_path / "s.tif", series, imagej=True, metadata={"axes": "TYX"})
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for number, position in enumerate(({"position": 1}, {"t_position": 3, "z_position": 1, "c_position": 1})):
            roi = roifile.ImagejRoi.frompoints(np.array(BOX, float))
            for name, value in position.items():
                setattr(roi, name, value)
            archive.writestr(f"{number}.roi", roi.tobytes())
    truth = model.read_label(tmp_path / "s.zip", (3, 64, 64), "s", tmp_path / "s.tif")
    assert [int(np.count_nonzero(frame)) for frame in truth] == [200, 0, 200]
    assert len(nbt.evaluate(model, tmp_path / "s.tif", tmp_path / "s.zip")["images"]) == 3


def _by_order(folder: Path) -> tuple[Path, Path]:
    for number in range(2):
        for kind, array in (("raw", _image(number)), ("lab", _mask())):
            (folder / kind).mkdir(exist_ok=True)
            tifffile.imwrite(folder / kind / f"{kind}_{number + (kind == 'lab')}.tif", array)
    return folder / "raw", folder / "lab"


def test_pairs_made_by_order_are_told_where_they_score(model, tmp_path, capsys):
    raw, lab = _by_order(tmp_path)
    told = "2 pairs are made by order, because names differ: raw_0.tif with lab_1.tif, raw_1.tif with lab_2.tif"
    with pytest.warns(UserWarning, match=told):
        nbt.evaluate(model, raw, lab)
    with pytest.warns(UserWarning, match=told):
        nbt.prepare(raw, lab, tmp_path / "out", "x", train=0.5, validation=0.5, test=0)
    with pytest.warns(UserWarning, match=told):
        app(["evaluate", str(model.path), "--images", str(raw), "--labels", str(lab)], standalone_mode=False)


def test_names_of_labels_can_have_an_end_of_their_own(model, tmp_path, recwarn):
    tifffile.imwrite(tmp_path / "a_img.tif", _image(0))
    tifffile.imwrite(tmp_path / "a_seg.tif", _mask())
    naming = {"img_filter": "_img", "mask_filter": "_seg"}
    assert [row["image"] for row in nbt.evaluate(model, tmp_path, **naming)["images"]] == ["a_img.tif"]
    assert not [warning for warning in recwarn if "order" in str(warning.message)]
    with pytest.raises(UserError, match="no label was found beside"):
        nbt.evaluate(model, tmp_path)


def test_names_are_printed_letter_by_letter(model, tmp_path, capsys):
    names = ["w1[dapi].tif", "w2[red] :dog: [b].tif"]
    for kind, array in (("raw", _image(0)), ("lab", _mask())):
        for number, name in enumerate(names):
            (tmp_path / kind).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / kind / name, array + (number if kind == "raw" else 0))
    config = nbt.Config.preset("binary_2d")
    config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab")}]
    config.save(tmp_path / "c.json")
    app(["pairs", str(tmp_path / "c.json")], standalone_mode=False)
    printed = capsys.readouterr().out
    assert all(printed.count(name) == 2 for name in names), printed
    out = tmp_path / "out [red]"
    app(["predict", str(model.path), str(tmp_path / "raw"), "--out", str(out)], standalone_mode=False)
    printed = capsys.readouterr().out
    assert all(f"{name} -> {out / name}" in printed for name in names), printed


def test_files_that_are_a_channel_each_are_predicted_as_one_image(small_config, tmp_path):
    for number, name in enumerate("xyz"):
        for folder, endings in (("raw", ("_0000", "_0001")), ("lab", ("",))):
            (tmp_path / folder).mkdir(exist_ok=True)
            for ending in endings:
                tifffile.imwrite(tmp_path / folder / f"{name}{ending}.tif", _image(number) if ending else _mask())
    small_config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab")}]
    small_config.training.epochs = 1
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    arguments = [str(run.directory), str(tmp_path / "raw"), "--out", str(tmp_path / "out")]
    app(["predict", *arguments], standalone_mode=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x.tif", "y.tif", "z.tif"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mask_filtr": "_seg"}, "mask_filtr: this option is unknown. Did you mean mask_filter?"),
        ({"use": "test"}, "use: this option is unknown. Known are img_filter, mask_filter"),
        ({"mask_filter": 3}, "mask_filter: "),
    ],
)
def test_an_option_that_is_none_is_refused_before_the_model_is_read(options, sentence):
    with pytest.raises(SettingError) as caught:
        nbt.evaluate("no model", "images", **options)
    assert str(caught.value).startswith(sentence)
