"""What a run leaves to look at and to use, each thing by what it says."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.cli.main import main as cli


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four epochs on discs, called `my cells`."""
    folder = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    for number in range(4):
        y, x = np.ogrid[:64, :64]
        disc = np.hypot(*(at - rng.uniform(20, 44) for at in (y, x))) < 14
        image = (60 + 120 * disc + rng.normal(0, 15, disc.shape)).clip(0, 255).astype(np.uint8)
        for kind, array in (("images", image), ("labels", disc.astype(np.uint8))):
            (folder / kind).mkdir(exist_ok=True)
            tifffile.imwrite(folder / kind / f"img_{number}.tif", array)
    config = nbt.Config.preset("binary_2d")
    config.update(
        data={"datasets": [{"images": str(folder / "images"), "labels": str(folder / "labels")}]},
        sampling={"patch_size": [32, 32]},
        model={"features": [4, 8]},
        compile={"learning_rate": 0.02},
        training={
            "epochs": 4,
            "steps_per_epoch": 6,
            "batch_size": 4,
            "precision": "float32",
            "memory_format": "contiguous",
            "torch_compile": "off",
        },
        output={"root": str(folder / "runs"), "data_task": "discs", "name": "my cells"},
    )
    made = nbt.train(config)
    assert made.status == "finished", made.error
    return made


@pytest.mark.feature(18, 140)
def test_the_weights_of_the_best_epoch_are_kept_and_have_its_validation_dice(run):
    best = max(run.history, key=lambda row: row["validation_dice"])
    config = nbt.Config.load(run.directory)
    (validation,) = [row for row in nbt.pairs(config) if row["split"] == "validation"]

    scores = nbt.evaluate(nbt.load_model(run.best), validation["image"], validation["label"])["overall"]

    assert scores["dice"] == pytest.approx(best["validation_dice"], abs=1e-5)
    assert run.best.parent.parent == run.directory
    assert f"{best['epoch']:04d}" in run.best.name or str(best["epoch"]) in run.best.name


@pytest.mark.feature(138)
def test_losses_and_metrics_of_every_epoch_are_in_the_log_and_in_the_table(run):
    with (run.directory / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    log = (run.directory / "log.txt").read_text()

    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    for row, kept in zip(rows, run.history, strict=True):
        for name in ("train_loss", "validation_loss", "train_dice", "validation_dice", "validation_iou"):
            assert float(row[name]) == pytest.approx(kept[name])
        (line,) = re.findall(rf"epoch {row['epoch']}: .*", log)
        assert f"{float(row['train_loss']):.4f}" in line
        assert f"{100 * float(row['validation_dice']):.2f} %" in line


@pytest.mark.feature(16)
def test_scores_are_told_in_percent(run):
    last = run.history[-1]

    assert (
        f"Dice {100 * last['train_dice']:.2f} % (validation {100 * last['validation_dice']:.2f} %)"
        in (run.directory / "log.txt").read_text()
    )


@pytest.mark.feature(112)
def test_a_run_is_called_by_its_name_where_it_predicts(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(run.directory.parents[1])
    image = Path(nbt.Config.load(run.directory).data.datasets[0].images) / "img_0.tif"
    monkeypatch.setattr("sys.argv", ["nbtrainer", "predict", "discs/my cells", str(image), "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        cli()

    assert not ended.value.code, capsys.readouterr().err
    assert np.array_equal(tifffile.imread(tmp_path / "img_0.tif"), nbt.load_model(run.directory).predict(image))


def test_a_run_that_has_just_stopped_can_be_resumed_at_once(run, tmp_path):
    config = nbt.Config.load(run.directory)
    config.update(output={"root": str(tmp_path), "name": ""}, training={"epochs": 500})
    going = nbt.start(config)
    going.stop(now=True)
    while going.status in ("running", "paused"):  # the last event is there before the thread has ended
        going.wait(0.001)

    resumed = nbt.resume(going.directory, training={"epochs": 1})

    assert resumed.wait(60)
    assert resumed.status == "finished", resumed.error
