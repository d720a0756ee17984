"""A run's log for other programs, read by their own software where there is some."""

import json
import zipfile

import pytest

import nbtrainer as nbt
from nbtrainer.runs import events

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder):
    read = event_accumulator.EventAccumulator(str(folder))
    read.Reload()
    return read


@pytest.mark.feature(142)
def test_tensorboard_reads_losses_scores_previews_and_settings_while_it_trains_and_afterwards(trained, tmp_path):
    exported = trained.export_log(tmp_path / "board")
    for folder in (trained.directory / "tensorboard", exported):
        board = read(folder)
        shown = [(each.step, each.value) for each in board.Scalars("validation_dice")]
        rows = [(row["step"], row["validation_dice"]) for row in trained.history]
        assert [step for step, _ in shown] == [step for step, _ in rows]
        assert [value for _, value in shown] == pytest.approx([value for _, value in rows])
        assert board.Scalars("step/loss")[-1].step == rows[-1][0]
        assert board.Images("preview")[0].encoded_image_string.startswith(b"\x89PNG")
        hyper = board.summary_metadata["_hparams_/session_start_info"].plugin_data
        assert hyper.plugin_name == "hparams" and b"compile.learning_rate" in hyper.content


def test_what_a_resume_does_again_replaces_what_was_there(small_config):
    run = nbt.train(small_config)
    run = nbt.resume(run.directory, training={"epochs": 5})
    run.wait()
    assert [each.step for each in read(run.directory / "tensorboard").Scalars("train_loss")] == [2, 4, 6, 8, 10]


def test_weights_and_biases_finds_the_files_that_its_runs_have(trained, tmp_path):
    folder = trained.export_log(tmp_path / "wandb", "wandb")
    lines = [json.loads(line) for line in (folder / "wandb-history.jsonl").read_text().splitlines()]
    assert [line["_step"] for line in lines] == sorted(line["_step"] for line in lines)
    scored = [line["validation_dice"] for line in lines if "validation_dice" in line]
    assert scored == [row["validation_dice"] for row in trained.history]
    summary = json.loads((folder / "wandb-summary.json").read_text())
    assert summary["validation_dice"] == scored[-1] and summary["_runtime"] > 0
    config = json.loads((folder / "config.yaml").read_text())
    assert config["compile.learning_rate"] == {"value": 0.01}


def test_an_unknown_format_is_refused(trained, tmp_path):
    with pytest.raises(nbt.UserError, match="Choose tensorboard or wandb"):
        trained.export_log(tmp_path, "mlflow")


@pytest.mark.feature(141)
def test_a_zip_holds_all_and_its_model_predicts_elsewhere(trained, tmp_path):
    path = trained.save_zip(tmp_path / "results.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "elsewhere")
    (folder,) = (tmp_path / "elsewhere").iterdir()
    assert {"config.json", "events.jsonl", "history.csv", "log.txt", "curves.png"} <= {
        file.name for file in folder.iterdir()
    }
    assert nbt.load_model(folder).record["step"] == nbt.load_model(trained.directory).record["step"]
    assert len(list(folder.rglob("*.pt"))) == 1
    assert [each for each in nbt.attach(folder).events if isinstance(each, events.Finished)]


def test_with_its_checkpoints_a_run_goes_on_from_a_zip(trained, tmp_path):
    with zipfile.ZipFile(trained.save_zip(tmp_path / "all.zip", with_checkpoints=True)) as archive:
        archive.extractall(tmp_path / "elsewhere")
    (folder,) = (tmp_path / "elsewhere").iterdir()
    run = nbt.resume(folder, training={"epochs": 5})
    run.wait()
    assert run.status == "finished", run.error
