import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.errors import UserError
from nbtrainer.inference.prediction import adjusted_task
from nbtrainer.inference.write import label_name, write_array
from nbtrainer.labels.measure import measurements, write_table
from nbtrainer.labels.stitch import stitch


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = nbt.Config.preset("instance_contour_2d")
    samples = nbt.samples.path("nuclei2d")
    config.data.datasets = [{"images": str(samples / "images"), "labels": str(samples / "labels")}]
    config.update(
        training={"epochs": 1, "steps_per_epoch": 25, "batch_size": 4},
        sampling={"patch_size": [128, 128]},
        model={"features": [16, 32, 64]},
        output={"root": str(folder)},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    return nbt.load_model(run.directory)


@pytest.fixture(scope="module")
def image():
    return sorted((nbt.samples.path("nuclei2d") / "images").iterdir())[0]


class TestThresholds:
    def test_they_change_the_labels_without_another_prediction(self, model, image):
        prediction = model.prediction(image)
        few = prediction.labels(threshold=0.95, min_object_size=200)
        many = prediction.labels(threshold=0.05, min_object_size=0)
        assert np.count_nonzero(few) < np.count_nonzero(prediction.labels()) < np.count_nonzero(many)
        assert np.array_equal(model.predict(image, threshold=0.95, min_object_size=200), few)

    def test_one_that_the_model_has_not_is_refused_before_time_is_spent(self, model):
        with pytest.raises(UserError, match="threshhold: this model has no threshold of that name"):
            model.predict("no such file", threshhold=0.4)

    def test_those_that_were_tuned_travel_with_the_model(self, model):
        run = nbt.attach(model.path.parent.parent)
        tuned = next(event for event in run.events if type(event).__name__ == "ThresholdsTuned")
        assert tuned.after >= tuned.before
        assert {name: getattr(model.task.settings, name) for name in tuned.thresholds} == tuned.thresholds


def test_maps_have_the_size_of_the_image_and_are_probabilities(model, image):
    maps = model.prediction(image).probability_maps()
    assert list(maps) == ["foreground", "contour"]
    for map_ in maps.values():
        assert map_.shape == tifffile.imread(image).shape and 0 <= map_.min() <= map_.max() <= 1


def test_a_prediction_reports_its_progress_and_can_be_ended(model):
    told = []
    model.prediction(np.zeros((400, 300), np.uint8), tta=2, report=lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] and [done for done, _ in told] == sorted(done for done, _ in told)

    class EnoughError(Exception):
        pass

    def stop(done: int, of: int) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        model.prediction(np.zeros((400, 300), np.uint8), report=stop)


class TestWhatDiffersFromTheTraining:
    def test_another_dtype_is_told(self, model, image):
        with pytest.warns(UserWarning, match="its values are uint8, those of the training were uint16"):
            model.predict((tifffile.imread(image) // 257).astype(np.uint8))

    def test_another_pixel_size_is_told_and_undone_on_request(self, model, image, tmp_path):
        model.record["spacing"] = (0.5, 0.5)
        try:
            small = tifffile.imread(image)[::2, ::2]
            path = tmp_path / "half.tif"
            tifffile.imwrite(path, small, imagej=True, resolution=(1, 1), metadata={"unit": "um"})
            with pytest.warns(UserWarning, match="its pixels are 1 x 1 um, those of the training were 0.5 x 0.5 um"):
                model.predict(path)
            prediction = model.prediction(path, rescale=True)
            assert prediction.parts[0].raw.shape[1:] == (2 * small.shape[0], 2 * small.shape[1])
            assert prediction.labels().shape == small.shape and not prediction.notes
        finally:
            model.record["spacing"] = None

    def test_rescaling_needs_both_pixel_sizes(self, model, image):
        with pytest.raises(UserError, match="the pixel size of the images of the training is not known"):
            model.predict(image, rescale=True)


class TestSlices:
    def test_objects_of_neighbouring_slices_that_overlap_get_one_id(self):
        planes = [np.zeros((9, 9), np.uint8) for _ in range(4)]
        planes[0][1:5, 1:5] = 7
        planes[1][1:5, 2:6] = 1
        planes[1][6:9, 6:9] = 2
        planes[2][6:9, 6:9] = 1
        planes[3][1:5, 2:6] = 1
        volume = stitch(planes, 0.25)
        assert volume[0, 2, 2] == volume[1, 2, 3] != 0
        assert volume[1, 7, 7] == volume[2, 7, 7] != volume[0, 2, 2]
        assert volume[3, 2, 3] not in (0, volume[0, 2, 2])
        assert len(np.unique(volume)) == 4

    def test_of_two_that_want_an_id_the_one_that_overlaps_most_gets_it(self):
        before, plane = np.zeros((2, 10, 10), np.uint8)
        before[2:8] = 1
        plane[2:4], plane[4:8] = 1, 2
        volume = stitch([before, plane], 0.1)
        assert volume[1, 5, 0] == volume[0, 5, 0] != volume[1, 2, 0]

    def test_a_stack_becomes_a_volume_on_request(self, model, image):
        stack = np.stack([tifffile.imread(image)] * 3)
        alone, joined = model.predict(stack), model.predict(stack, stitch_above=0.5)
        assert alone.shape == joined.shape == stack.shape
        assert joined.max() == alone.max() > 0
        assert np.array_equal(joined[0] > 0, joined[2] > 0)


class TestMeasurements:
    def test_of_a_disc_are_those_of_geometry(self):
        y, x = np.ogrid[:60, :80]
        labels = np.where(np.hypot(y - 30, x - 40) <= 15, 4, 0).astype(np.uint16)
        image = np.stack([np.where(labels, 7, 1), np.full(labels.shape, 3)])
        (row,) = measurements(labels, image, spacing=(0.5, 0.5))
        assert row["label"] == 4 and row["unit"] == "um"
        assert row["area"] == pytest.approx(np.pi * 7.5**2, rel=0.02)
        assert row["equivalent_diameter"] == pytest.approx(15, rel=0.02)
        assert (row["centroid_y"], row["centroid_x"]) == (30, 40)
        assert (row["y_min"], row["y_max"]) == (15, 45)
        assert (row["mean_intensity_0"], row["mean_intensity_1"]) == (7, 3)
        assert row["eccentricity"] < 0.1 and row["solidity"] > 0.95

    def test_of_a_box_in_a_volume(self):
        labels = np.zeros((8, 9, 10), np.uint8)
        labels[1:3, 2:5, 3:7] = 1
        (row,) = measurements(labels, spacing=(2.0, 1.0, 1.0))
        assert row["volume"] == 2 * 3 * 4 * 2.0
        assert row["centroid_z"] == 1.5

    def test_nothing_is_an_empty_table(self, tmp_path):
        assert measurements(np.zeros((4, 4), np.uint8)) == []
        assert write_table([], tmp_path / "none.csv").read_text() == "label\n"

    def test_a_prediction_has_a_row_for_each_object(self, model, image, tmp_path):
        prediction = model.prediction(image)
        labels = prediction.labels()
        path = write_table(prediction.measurements(labels), tmp_path / "objects.csv")
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == labels.max() > 0
        assert sum(float(row["area"]) for row in rows) == np.count_nonzero(labels)


class TestFiles:
    def test_zarr_carries_axes_and_pixel_size(self, tmp_path, image):
        import zarr

        target = write_array(
            np.ones((3, 5, 6), np.uint16),
            image=image,
            target=tmp_path / label_name(image, format="zarr"),
            spacing=(2.0, 0.5, 0.5),
        )
        group = zarr.open_group(target, mode="r")
        scales = group.attrs["ome"]["multiscales"][0]
        assert [axis["name"] for axis in scales["axes"]] == ["z", "y", "x"]
        assert scales["datasets"][0]["coordinateTransformations"][0]["scale"] == [2.0, 0.5, 0.5]
        assert np.array_equal(group["0"][...], np.ones((3, 5, 6)))

    def test_a_tiff_carries_the_pixel_size(self, tmp_path, image):
        target = write_array(np.ones((5, 6), np.uint16), image=image, target=tmp_path / "a.tif", spacing=(0.5, 0.25))
        from nbtrainer.io.formats import open_image

        assert open_image(target).spacing == pytest.approx({"y": 0.5, "x": 0.25})

    def test_nifti_of_another_format_has_the_spacing(self, tmp_path, image):
        target = write_array(
            np.ones((3, 5, 6), np.uint8), image=image, target=tmp_path / "a.nii.gz", spacing=(2.0, 1.0, 0.5)
        )
        stored = nibabel.load(target)
        assert stored.shape == (6, 5, 3)
        assert stored.header.get_zooms() == pytest.approx((0.0005, 0.001, 0.002))

    def test_an_unknown_format_is_refused(self, image):
        with pytest.raises(UserError, match="format: bmp is unknown"):
            label_name(image, format="bmp")


def test_a_report_shows_each_image_and_its_worst_objects(model, tmp_path):
    samples = nbt.samples.path("nuclei2d")
    page = tmp_path / "report.html"
    scores = nbt.evaluate(model, samples / "images", samples / "labels", report=page)
    text = page.read_text()
    for row in scores["images"]:
        assert row["image"] in text
    assert text.count("<figure>") > 0 and "data:image/png;base64," in text
    assert {"ap_50", "panoptic_quality", "variation_of_information", "dice"} <= set(scores["overall"])


class TestStack:
    """Slices that are not joined have objects of their own."""

    @pytest.fixture
    def stack(self, tmp_path_factory):
        """A folder with three images and their labels as a stack each, and the same as arrays."""
        folder, samples = tmp_path_factory.mktemp("stack"), nbt.samples.path("nuclei2d")
        found = {}
        for kind in ("images", "labels"):
            planes = [tifffile.imread(path)[:128, :128] for path in sorted((samples / kind).iterdir())[:3]]
            found[kind] = planes
            tifffile.imwrite(
                folder / f"{kind}.tif", np.stack(planes), photometric="minisblack", metadata={"axes": "ZYX"}
            )
        return folder, found

    def test_each_slice_is_scored_by_itself(self, model, stack):
        folder, planes = stack
        single = nbt.evaluate(model, planes["images"], planes["labels"])
        whole = nbt.evaluate(model, folder / "images.tif", folder / "labels.tif", report=folder / "new" / "page.html")
        assert whole["overall"] == single["overall"]
        assert [row["image"] for row in whole["images"]] == [f"images.tif [{k}]" for k in range(3)]
        assert "images.tif [2]" in (folder / "new" / "page.html").read_text()

    def test_each_slice_is_measured_by_itself(self, model, stack):
        folder = stack[0]
        prediction = model.prediction(folder / "images.tif")
        labels = prediction.labels()
        rows = prediction.measurements(labels)
        assert [row["slice"] for row in rows] == sorted(row["slice"] for row in rows)
        assert len(rows) == sum(int(plane.max()) for plane in labels)
        assert all("area" in row and "volume" not in row for row in rows)
        joined = prediction.labels(stitch_above=0.25)
        assert len(prediction.measurements(joined, stitched=True)) == len(np.unique(joined)) - 1
        with pytest.raises(UserError, match="labels: they are 2 x 128 x 128"):
            prediction.measurements(labels[:2])


def test_thresholds_end_where_settings_do(model):
    from nbtrainer.catalog import TASKS
    from nbtrainer.config.describe import settings
    from nbtrainer.inference.prediction import adjusted_task

    tried = 0
    for kind in TASKS:
        bounds = {row.name: row for row in settings() if row.section == "task" and row.suits(kind)}
        task = TASKS.load(kind).create(values=[1, 2])
        for name in task.adjustable:
            row, kind_of = bounds[name], type(getattr(task.settings, name))
            if kind_of not in (int, float):
                continue
            beyond = [] if row.minimum is None else [row.minimum - 1]
            beyond += [] if row.maximum is None else [row.maximum + 1]
            beyond += [end for end in (row.above, row.below) if end is not None]
            for value in beyond:
                tried += 1
                with pytest.raises(UserError, match=name):
                    adjusted_task(task, {name: kind_of(value)})
    assert tried > 10


class TestSelfCheck:
    def test_a_sound_model_says_nothing(self, model, recwarn):
        assert nbt.load_model(model.path).is_sound
        assert not recwarn.list

    def test_a_model_that_answers_otherwise_says_so(self, model, tmp_path):
        record = torch.load(model.path, weights_only=True)
        name = [name for name in record["weights"] if name.endswith("weight")][-1]
        record["weights"][name] = record["weights"][name] * 1.3  # of the first, the normalisation would undo it
        torch.save(record, tmp_path / "bent.pt")
        with pytest.warns(UserWarning, match="bent.pt no longer answers as it did"):
            assert not nbt.load_model(tmp_path / "bent.pt").is_sound


class TestMistakesAtPrediction:
    @pytest.mark.parametrize(
        ("adjusted", "says"),
        [
            ({"threshold": "abc"}, "'abc' is not a number"),
            ({"threshold": 5}, "5 is too large. Give less than 1"),
            ({"threshold": float("nan")}, "nan is not a number"),
            ({"decoder": "bogus"}, "'bogus' is unknown. Choose one of auto"),
            ({"min_object_size": -5}, "-5 is too small. Give 0 or more"),
            ({"min_object_size": 2.5}, r"2\.5 is not a whole number"),
        ],
    )
    def test_a_threshold_that_cannot_be_is_refused(self, model, image, adjusted, says):
        with pytest.raises(UserError, match=says):
            model.predict(image, **adjusted)

    def test_a_diameter_means_nothing_to_a_model_of_all_sizes(self, model, image):
        with pytest.warns(UserWarning, match="the diameter has no effect"):
            model.predict(image, diameter=30)
        with pytest.raises(UserError, match="-1 is no size"):
            model.predict(image, diameter=-1)

    def test_an_empty_image_is_refused(self, model):
        with pytest.raises(UserError, match="empty"):
            model.predict(np.zeros((0, 5), np.uint8))


_OF_BEFORE = Path(__file__).parents[1] / "old_runs"


@pytest.mark.parametrize(
    ("run", "old", "new", "value", "same"),
    [
        ("instance_contour_2d", "smallest_object", "min_object_size", 40, 40),
        ("instance_contour_2d", "smallest_seed", "min_seed_size", 9, 9),
        ("instance_flow_2d", "decode_by", "decoder", "points", "points"),
        ("instance_flow_2d", "least_depth", "min_border_depth", 2.0, 2.0),
        ("epyseg_2d", "without_seed", "keep_unseeded", "background", "no"),
        ("epyseg_2d", "keep_unseeded", "keep_unseeded", True, "yes"),
    ],
)
def test_thresholds_are_understood_under_the_names_of_before(run, old, new, value, same, recwarn):
    task = nbt.load_model(_OF_BEFORE / run).task
    assert getattr(adjusted_task(task, {old: value}).settings, new) == same
    told = [str(each.message) for each in recwarn.list if issubclass(each.category, DeprecationWarning)]
    assert [words.partition(":")[0] for words in told] == ([f"{old} is the old name of {new}"] if old != new else [])
