"""Prediction of many files: one that fails ends nothing, and nothing half-written bears a final name."""

import json
import os
import signal
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.cli.main import app
from nbtrainer.errors import UserError
from nbtrainer.inference.batch import PredictionOptions, predict_files
from nbtrainer.inference.write import label_name, write_array

resource = pytest.importorskip("resource")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images a to d and their labels, and the run of a tiny network on them."""
    folder = tmp_path_factory.mktemp("batch")
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
        for number, name in enumerate("abcd"):
            disc = np.hypot(*np.mgrid[-32:32, -32:32]) < 14 + number
            tifffile.imwrite(folder / kind / f"{name}.tif", disc.astype(np.uint8) * (200 if kind == "images" else 1))
    config = nbt.Config.preset("binary_2d")
    config.data.datasets = [{"images": str(folder / "images"), "labels": str(folder / "labels")}]
    config.update(
        sampling={"patch_size": [32, 32]},
        model={"features": [4, 8]},
        training={"epochs": 1, "steps_per_epoch": 1, "precision": "float32", "torch_compile": "off"},
        output={"root": str(folder / "runs"), "data_task": "t", "name": "run"},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    return folder


@pytest.fixture
def model(folder):
    return nbt.load_model(folder / "runs" / "t" / "run")


@pytest.fixture
def files(folder):
    return sorted((folder / "images").iterdir())


def _nbtrainer(*arguments):
    command = [sys.executable, "-m", "nbtrainer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_image_that_cannot_be_read_is_told_and_the_others_are_predicted(folder, files, tmp_path):
    (tmp_path / "bad.tif").write_bytes(files[0].read_bytes()[:200])
    images = (files[0], tmp_path / "bad.tif", files[1], "nothere.tif")
    done = _nbtrainer("predict", folder / "runs/t/run", *images, "--out", tmp_path / "out")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "2 of 4 images predicted" in done.stderr and "bad.tif" in done.stderr
    assert "there is no folder or file nothere.tif" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tif", "b.tif"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9 GiB"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 34359738368 bytes"),
    ],
)
def test_memory_that_runs_out_is_a_sentence_about_the_image(model, files, tmp_path, error):
    def fail(module, inputs):
        raise error

    hook = model.network.register_forward_pre_hook(fail)
    warnings.simplefilter("ignore")  # of the smaller tiles that are tried
    with pytest.raises(UserError, match="the memory does not suffice to predict this image"):
        model.predict(files[0])
    outcomes = list(predict_files(model, files[:2], tmp_path))
    hook.remove()
    assert [outcome.target for outcome in outcomes] == [None, None]
    assert all(not outcome.is_mistake for outcome in outcomes)


def test_any_other_error_ends_no_batch(model, files, tmp_path):
    failed = []

    def fail_at_first(module, inputs):
        if not failed:
            failed.append(True)
            raise ZeroDivisionError("odd")

    hook = model.network.register_forward_pre_hook(fail_at_first)
    outcomes = list(predict_files(model, files[:3], tmp_path))
    hook.remove()
    assert [outcome.target is None for outcome in outcomes] == [True, False, False]
    assert "ZeroDivisionError: odd" in outcomes[0].findings[0].wrong


@pytest.mark.parametrize("format", ["tif", "nii.gz", "zarr", "png"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that a limit ends")
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_under_the_final_name(tmp_path, format):
    array = np.random.default_rng(0).integers(0, 60_000, (800, 800), np.uint16)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which ends the process in the middle of a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        write_array(array, image=Path("a.tif"), target=tmp_path / f"a.{format}")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGXFSZ
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of files")
def test_a_disk_that_takes_no_more_is_a_sentence_and_leaves_no_half_file(folder, files, tmp_path):
    code = f"""
import resource, sys
from nbtrainer.cli.main import main
import nbtrainer.inference.batch
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
sys.argv = ["nbtrainer", "predict", {str(folder / "runs/t/run")!r}, {str(files[0])!r}, "--out", {str(tmp_path)!r}]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cannot be written: it is larger than this disk allows" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_batch_since_nothing_more_could_be_written(model, files, tmp_path):
    (tmp_path / "a.tif").symlink_to("/dev/full")
    outcomes = list(predict_files(model, files, tmp_path))
    assert len(outcomes) == 1 and "the disk is full" in outcomes[0].findings[0].wrong


def test_labels_are_written_as_png(model, files, tmp_path):
    (outcome,) = predict_files(model, files[:1], tmp_path, PredictionOptions(format="png", probability_maps=True))
    assert outcome.target == tmp_path / "a.png"
    assert np.array_equal(imageio.imread(outcome.target), model.predict(files[0]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_foreground.tif"]


def test_a_png_refuses_what_it_cannot_hold(tmp_path):
    array = np.full((4, 4), 60_000, np.uint32)
    path = write_array(array, image=tmp_path / "x.tif", target=tmp_path / label_name(tmp_path / "x.tif", format="png"))
    assert imageio.imread(path).dtype == np.uint16
    for wrong in (array + 60_000, np.zeros((2, 4, 4), np.uint8)):
        with pytest.raises(UserError, match="a PNG cannot hold"):
            write_array(wrong, image=tmp_path / "x.tif", target=tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_a_map_is_not_written_over_the_labels_of_another_image(model, files, folder, tmp_path):
    other = tmp_path / "a_foreground.tif"
    other.write_bytes(files[0].read_bytes())
    outcomes = list(predict_files(model, [files[0], other], tmp_path / "out", PredictionOptions(probability_maps=True)))
    assert "would be written over" in outcomes[0].findings[0].wrong
    assert outcomes[1].target is not None


@pytest.mark.parametrize("diameter", ["x", [3], True, float("nan"), float("inf"), -1, 0])
def test_a_diameter_that_is_no_size_is_refused(model, diameter):
    with pytest.raises(UserError, match=r"diameter: .* is no size"):
        model.predict(np.ones((8, 8)), diameter=diameter)


def test_a_damaged_checkpoint_is_refused_in_a_sentence(model, tmp_path):
    rng = np.random.default_rng(0)
    content = {}
    with zipfile.ZipFile(model.path) as archive:
        content = {info.filename: archive.read(info) for info in archive.infolist()}
    (pickled,) = (name for name in content if name.endswith("data.pkl"))
    damages = [b"", b"\x80\x02R.", b"\x80\x02}.", b"\x80\x02N.", content[pickled][:-40]]
    for _ in range(30):
        mutant = bytearray(content[pickled])
        mutant[rng.integers(len(mutant))] = rng.integers(256)
        damages.append(bytes(mutant))
    refused = 0
    for damage in damages:
        with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
            for name, data in content.items():
                archive.writestr(name, damage if name == pickled else data)
        try:
            nbt.load_model(tmp_path / "m.pt")
        except UserError:
            refused += 1
    assert refused >= 5


def test_a_checkpoint_that_is_a_pipe_or_a_folder_is_refused(tmp_path):
    os.mkfifo(tmp_path / "m.pt")
    for path in (tmp_path / "m.pt", tmp_path):
        with pytest.raises(UserError, match=r"no ordinary file|holds no model"):
            nbt.load_model(path)


def test_scores_that_are_not_numbers_are_null_in_json(folder, files, tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "images").mkdir()
    for kind in ("images", "labels"):
        tifffile.imwrite(tmp_path / kind / "a.tif", np.zeros((64, 64), np.uint8))
    images, labels, scores = tmp_path / "images", tmp_path / "labels", tmp_path / "scores.json"
    given = ["evaluate", folder / "runs/t/run", "--images", images, "--labels", labels, "--json", scores]
    app([str(each) for each in given], standalone_mode=False)
    scores = json.loads(scores.read_text(), parse_constant=pytest.fail)
    assert None in scores["images"][0].values()
