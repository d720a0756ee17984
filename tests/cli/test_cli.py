"""The command line, as real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from processes import usual_signals

from nbtrainer.runs import attach


def _nbtrainer(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbtrainer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, stdin=subprocess.DEVNULL)


@pytest.fixture
def saved(small_config, tmp_path):
    return small_config.save(tmp_path / "config.json")


def test_train_predict_evaluate_and_resume(saved, small_config, tmp_path):
    trained = _nbtrainer("train", saved, "training.epochs=2", "output.name=mine")
    assert trained.returncode == 0, trained.stderr
    folder = tmp_path / "runs" / "default" / "mine"
    assert f"results in {folder}" in trained.stdout
    assert len(attach(folder).history) == 2

    dataset = small_config.data.datasets[0]
    predicted = _nbtrainer("predict", folder, dataset.images, "--out", tmp_path / "out")
    assert predicted.returncode == 0, predicted.stderr
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["img_0.tif", "img_1.tif", "img_2.tif"]
    assert tifffile.imread(tmp_path / "out" / "img_0.tif").shape == (64, 64)

    scores = tmp_path / "scores.json"
    evaluated = _nbtrainer("evaluate", folder, "--images", dataset.images, "--labels", dataset.labels, "--json", scores)
    assert evaluated.returncode == 0, evaluated.stderr
    assert 0 <= json.loads(scores.read_text())["overall"]["dice"] <= 1

    resumed = _nbtrainer("resume", folder, "training.epochs=3")
    assert resumed.returncode == 0, resumed.stderr
    assert len(attach(folder).history) == 3
    assert "epoch 3:" in resumed.stdout and "epoch 2:" not in resumed.stdout  # that was told then
    complete = _nbtrainer("resume", folder)
    assert complete.returncode == 2 and "this run is complete" in complete.stderr

    # what else there is to tell of a resume is told: settings of an earlier version
    settings = json.loads((folder / "config.json").read_text())
    settings["sampling"]["method"] = "auto"
    (folder / "config.json").write_text(json.dumps(settings))
    again = _nbtrainer("resume", folder, "training.epochs=4")
    assert again.returncode == 0, again.stderr
    assert "warning: config.json: sampling.method: auto is none of its choices" in again.stderr

    log = _nbtrainer("log", folder)
    assert log.returncode == 0 and "epoch 2:" in log.stdout and "epoch 3:" in log.stdout
    assert _nbtrainer("log", folder, "--out", tmp_path / "log.csv").stdout.strip() == str(tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text().startswith("epoch,step,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nowhere.json"], "nowhere.json: there is no such file"),
        (["train", "CONFIG", "training.epochs=0"], "training.epochs: 0 is too small. Give 1 or more."),
        (["train", "CONFIG", "training.epoch=3"], "Did you mean training.epochs?"),
        (["train", "CONFIG", "epochs"], "Write section.field=value"),
        (["train", "CONFIG", "sampling.patch_size=[32]"], "sampling.patch_size"),
        (["train", "CONFIG", "training.device=card"], "training.device: 'card' is not a device"),
        (
            ["train", "CONFIG", 'data.datasets=[{"images":"/gone","labels":"/gone"}]'],
            "there is no folder or file /gone",
        ),
        (["predict", "gone.pt", "a.tif", "--out", "x"], "a.tif"),
        (["evaluate", "gone.pt", "--images", "a", "--labels", "b"], "gone.pt: there is no such file"),
        (["resume", "gone"], "gone: there is no such folder"),
        (["train"], "Missing argument"),
        (["trian"], "No such command"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(saved, tmp_path, arguments, message):
    done = _nbtrainer(*[saved if argument == "CONFIG" else argument for argument in arguments], cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_check_lists_all_findings_and_its_status_tells(saved, tmp_path):
    sound = _nbtrainer("check", saved)
    assert sound.returncode == 0 and "0 errors" in sound.stdout
    wrong = _nbtrainer("check", saved, "sampling.patch_size=[32,32,32]", "training.device=card")
    assert wrong.returncode == 2
    assert "2 errors" in wrong.stdout and "training.device" in wrong.stdout and "sampling.patch_size" in wrong.stdout


def test_two_inputs_with_one_name_are_refused(saved, tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "x.tif", np.zeros((8, 8), np.uint8))
    done = _nbtrainer("predict", "m.pt", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert done.returncode == 2 and "would both be written to x.tif" in done.stderr


def test_presets_are_listed():
    done = _nbtrainer("presets")
    assert done.returncode == 0
    assert "epyseg" in done.stdout and "binary_2d" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupting_stops_now_with_everything_saved_and_status_0(saved, tmp_path):
    command = [sys.executable, "-m", "nbtrainer", "train", str(saved), "training.epochs=100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **usual_signals())
    folder = tmp_path / "runs" / "default" / "run-001"
    for _ in range(600):
        if (folder / "checkpoints" / "last.pt").exists():
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    run = attach(folder)
    assert run.status == "stopped" and run.last.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_run_is_stopped_and_can_be_resumed(saved, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "nbtrainer", "train", str(saved), "training.epochs=100000"],
        stdout=subprocess.DEVNULL,
        **usual_signals(),
    )
    folder = tmp_path / "runs" / "default" / "run-001"
    for _ in range(600):
        # the folder is there before its journal, and the checkpoint is written before the epoch is told
        if (folder / "events.jsonl").exists() and attach(folder).history:
            break
        time.sleep(0.1)
    assert attach(folder).status == "running"
    process.kill()
    process.wait()
    run = attach(folder)
    assert run.status == "stopped"
    done = _nbtrainer("resume", folder, f"training.epochs={run.history[-1]['epoch'] + 2}")
    assert done.returncode == 0, done.stderr
    assert attach(folder).status == "finished"


def test_the_demo_ends_with_its_scores(tmp_path):
    done = _nbtrainer("demo", "--minutes", 0.1, "--out", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    found = re.fullmatch(r"validation Dice (0\.\d+), seconds (\d+), model (.+\.pt)", last)
    assert found, done.stdout
    assert Path(found[3]).exists()
    assert "Otsu" in done.stdout


def test_importing_the_package_brings_in_neither_torch_nor_widgets():
    code = "import nbtrainer, sys; print([m for m in ('torch', 'ipywidgets', 'bqplot', 'pydantic', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_settings_and_checks_need_no_torch(saved):
    code = f"import nbtrainer as nbt, sys; nbt.check(nbt.Config.load({str(saved)!r})); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


@pytest.mark.jupyterlab
def test_lab_opens_the_quick_start_in_a_folder_of_ones_own(tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "MALLOC_"))}
    command = [sys.executable, "-m", "nbtrainer", "lab", str(tmp_path / "work"), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        said = ""
        for line in process.stderr:
            said += line
            if re.search(r"http://(?:127\.0\.0\.1|localhost):\d+/lab/tree/01_quickstart\.ipynb", line):
                break
        assert "/lab/tree/01_quickstart.ipynb" in said
        assert (tmp_path / "work" / "01_quickstart.ipynb").exists()
        children = [
            child for child in psutil.Process(process.pid).children() if "jupyterlab" in " ".join(child.cmdline())
        ]
        assert children[0].environ()["OMP_WAIT_POLICY"] == "passive"
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.terminate()
        process.wait(timeout=30)


def test_the_order_of_settings_does_not_matter(saved):
    done = _nbtrainer("check", saved, "task.decoder=join", "task.kind=instance_flow")
    assert "join" not in done.stdout + done.stderr


def test_cross_validate_and_predict_with_all_folds(saved, small_config, tmp_path):
    crossed = _nbtrainer("cross-validate", saved, "training.epochs=1", "output.name=all", "--folds", 2)
    assert crossed.returncode == 0, crossed.stderr
    folder = tmp_path / "runs" / "default" / "all"
    assert f"finished; results in {folder}" in crossed.stdout and "fold-2:" in crossed.stdout
    assert "out of fold, 3 images" in crossed.stdout
    assert [attach(folder / f"fold-{fold}").status for fold in (1, 2)] == ["finished"] * 2

    images = small_config.data.datasets[0].images
    predicted = _nbtrainer("predict", folder, f"{images}/img_0.tif", "--out", tmp_path / "out", "--maps")
    assert predicted.returncode == 0, predicted.stderr
    disagreement = tifffile.imread(tmp_path / "out" / "img_0_disagreement.tif")
    assert disagreement.shape == (64, 64) and disagreement.dtype == np.float32 and disagreement.max() > 0

    refused = _nbtrainer("cross-validate", folder, "--folds", 3)
    assert refused.returncode == 2 and "this cross-validation has 2 folds, not 3" in refused.stderr


def test_models_of_a_folder_and_of_others_are_listed():
    listed = _nbtrainer("models", Path(__file__).parents[1] / "old_runs")
    assert listed.returncode == 0 and re.search(r"semantic_2d +semantic +2 +1 +3 +unet +validation_dice", listed.stdout)
    assert "Apache-2.0" in _nbtrainer("models").stdout
    refused = _nbtrainer("models", "--download", "cellpose")
    assert refused.returncode == 2 and "not offered for download" in refused.stderr


@pytest.mark.parametrize("value", ["-2", "two"])
def test_an_option_out_of_its_bounds_is_told_in_a_sentence(tmp_path, value):
    done = _nbtrainer("resume", tmp_path, "--start-epoch", value)
    assert done.returncode == 2 and "--start-epoch" in done.stderr and value in done.stderr
    assert "Input should" not in done.stderr
