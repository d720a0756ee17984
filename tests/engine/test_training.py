"""Whole runs: what they write, how they stop, resume and repeat."""

import csv
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer import api
from nbtrainer.config import Config, presets
from nbtrainer.engine.training_patches import training_patches
from nbtrainer.runs import events


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["weights"]


def _same(one: Path, other: Path) -> bool:
    first, second = _weights(one), _weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def _scores(run: nbt.runs.Run) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.history]


@pytest.mark.feature(95)
def test_a_run_leaves_everything_in_its_folder(small_config):
    run = nbt.train(small_config)
    assert (run.status, run.error) == ("finished", "")
    assert run.directory == Path(small_config.output.root) / "default" / "run-001"
    names = {path.name for path in run.directory.iterdir()}
    assert {"config.json", "events.jsonl", "history.csv", "log.txt", "curves.png", "checkpoints", "previews"} <= names
    assert len(run.history) == 3
    assert {"train_loss", "train_dice", "validation_loss", "validation_dice", "validation_iou"} <= set(run.history[0])
    with (run.directory / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train_loss"]) for row in rows] == [row["train_loss"] for row in run.history]
    assert len(list((run.directory / "previews").glob("*.png"))) == 3
    assert run.best.exists() and run.last.exists()
    log = (run.directory / "log.txt").read_text()
    assert "finished" in log
    assert f"Dice {100 * run.history[0]['train_dice']:.2f} % (validation" in log


@pytest.mark.feature(96)
@pytest.mark.parametrize("preset", sorted(presets()))
def test_every_preset_trains(preset, small_config, tmp_path):
    config = Config.preset(preset)
    config.data.datasets = small_config.data.datasets
    if config.task.dim == 3:
        volume = np.random.default_rng(0).integers(0, 200, (12, 40, 40)).astype(np.uint8)
        for name, array in (("image", volume), ("label", (volume > 100).astype(np.uint8))):
            tifffile.imwrite(tmp_path / f"{name}.tif", array)
        config.data.datasets = [{"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "label.tif")}]
    config.update(
        sampling={"patch_size": [8, 32, 32][3 - config.task.dim :]},
        model={"features": [4, 8]},
        training={"epochs": 2, "iterations": None, "steps_per_epoch": 3, "batch_size": 2},
        output={"root": str(tmp_path / "runs")},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert [row["epoch"] for row in run.history] == [1, 2]


def test_a_network_learns_to_find_discs(small_config):
    small_config.update(
        sampling={"patch_size": [64, 64]},
        training={"epochs": 10, "steps_per_epoch": 10},
        compile={"learning_rate": 0.01},
    )
    run = nbt.train(small_config)
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]
    assert max(row["validation_dice"] for row in run.history) > 0.9


@pytest.mark.feature(23)
def test_the_same_seed_gives_the_same_run_bit_for_bit(small_config):
    one, other = nbt.train(small_config), nbt.train(small_config)
    assert one.directory != other.directory
    assert _scores(one) == _scores(other)
    assert _same(one.last, other.last)
    small_config.training.seed = 7
    assert _scores(nbt.train(small_config)) != _scores(one)


def test_the_settings_of_a_run_repeat_it(small_config):
    run = nbt.train(small_config)
    stored = Config.load(run.directory / "config.json")
    assert stored.compile.metrics == ["dice", "iou"] and stored.compile.loss == "bce_dice"
    assert stored.model.input_channels == 1
    assert stored.training.monitor == "validation_dice"
    again = nbt.train(stored)
    assert again.directory != run.directory
    assert _same(run.last, again.last)


def test_what_is_auto_is_measured_written_down_and_not_measured_again(small_config):
    small_config.update(training={"precision": "auto", "memory_format": "auto", "torch_compile": "auto", "epochs": 1})
    run = nbt.train(small_config)
    stored = Config.load(run.directory / "config.json").training
    assert stored.precision in ("float32", "bfloat16") and stored.memory_format in ("contiguous", "channels_last")
    assert stored.torch_compile == "off"
    (plan,) = (event for event in run.events if isinstance(event, events.Planned))
    assert len(plan.measured_ms) >= 1
    again = nbt.train(Config.load(run.directory / "config.json"))
    (plan,) = (event for event in again.events if isinstance(event, events.Planned))
    assert plan.measured_ms == {}


class _StopAt:
    """A journal reader in a thread that asks a run to stop when it has done a step; the run may still do more."""

    def __init__(self, run: nbt.runs.Run, step: int, now: bool) -> None:
        self._run, self._step, self._now = run, step, now
        thread = threading.Thread(target=self._watch)
        thread.start()
        thread.join()

    def _watch(self) -> None:
        while self._run.status == "running":
            done = [event.step for event in self._run.events if isinstance(event, events.StepsDone)]
            if done and done[-1] >= self._step:
                self._run.stop(now=self._now)
                return
            time.sleep(0.01)


@pytest.mark.feature(129, 130)
@pytest.mark.parametrize("now", [True, False])
def test_a_run_that_is_stopped_and_resumed_ends_with_the_weights_of_one_that_was_not(small_config, now):
    # bce_dice sums over the batch; adamw, momentum and one_cycle all have a state to lose
    small_config.update(sampling={"patch_size": [64, 64]}, training={"epochs": 3, "steps_per_epoch": 60})
    whole = nbt.train(small_config)
    run = nbt.start(small_config)
    _StopAt(run, 1, now)
    assert run.wait(timeout=120)
    assert run.status == "stopped"
    stopped_at = next(event.step for event in run.events if isinstance(event, events.Stopped))
    assert 0 < stopped_at < 180
    assert (stopped_at % 60 == 0) == (not now) or now
    resumed = nbt.resume(run.directory)
    assert resumed.wait(timeout=120)
    assert resumed.status == "finished"
    assert _same(whole.last, resumed.last)
    assert _scores(whole) == _scores(resumed)


@pytest.mark.feature(129)
@pytest.mark.parametrize(
    ("task", "network"),
    [
        ({"kind": "semantic"}, "unet"),
        ({"kind": "instance_contour", "with_distance": True, "affinities": "long_range"}, "unet"),
        ({"kind": "instance_flow"}, "style_unet"),
        ({"kind": "epyseg"}, "unet"),
        ({"kind": "unsupervised"}, "wnet"),  # whose dropout draws numbers of its own
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_run_of_any_kind_resumes_where_it_was(small_config, task, network):
    small_config.update(task=task, model={"name": network}, training={"epochs": 2, "steps_per_epoch": 30})
    whole = nbt.train(small_config)
    run = nbt.start(small_config)
    _StopAt(run, 1, True)
    assert run.wait(timeout=120)
    assert run.status == "stopped"
    resumed = nbt.resume(run.directory)
    assert resumed.wait(timeout=120)
    assert resumed.status == "finished", resumed.error
    assert _same(whole.last, resumed.last)
    assert _scores(whole) == _scores(resumed)


@pytest.mark.parametrize("fails_at", [1, 4])
def test_a_compiled_network_that_fails_does_not_end_the_run(small_config, monkeypatch, fails_at):
    calls = 0

    def compiled(network, **options):
        def forward(images):
            nonlocal calls
            calls += 1
            if calls == fails_at:  # 1: when it is tried out; 4: at its third step
                raise UnboundLocalError("a fault of torch's compiler, which it has")
            return network(images)

        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    plain = nbt.train(small_config)
    small_config.update(training={"torch_compile": "on"})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    (warned,) = [event.text for event in run.events if isinstance(event, events.Warned) and "compiled" in event.text]
    assert "goes on" in warned and calls == fails_at
    assert _same(plain.last, run.last)


@pytest.mark.feature(103, 130)
def test_a_stop_after_the_next_validation_saves_the_better_model(small_config):
    small_config.update(training={"epochs": 50, "steps_per_epoch": 20, "validation_interval": 10})
    run = nbt.start(small_config)
    _StopAt(run, 1, now=False)
    run.wait(timeout=120)
    assert run.status == "stopped"
    assert "validation_dice" in run.history[-1]
    assert run.best.exists()


def test_a_complete_run_is_returned_as_it_is_without_more_to_do(small_config):
    run = nbt.train(small_config)
    with pytest.warns(UserWarning, match=r"this run is complete.*more epochs") as told:
        again = nbt.resume(run.directory)
    assert told[0].filename == __file__
    assert again.status == "finished" and again.events == run.events
    more = nbt.resume(run.directory, training={"epochs": 5})
    more.wait()
    assert [row["epoch"] for row in more.history] == [1, 2, 3, 4, 5]


def test_a_run_without_a_checkpoint_resumes_at_the_start(small_config):
    run = nbt.start(small_config)
    run.stop(now=True)
    run.wait()
    (run.directory / "checkpoints" / "last.pt").unlink(missing_ok=True)
    resumed = nbt.resume(run.directory)
    resumed.wait()
    assert resumed.status == "finished"
    assert _same(resumed.last, nbt.train(small_config).last)


def test_a_time_budget_finishes_a_run_with_a_validation(small_config):
    small_config.update(training={"epochs": 100_000, "max_minutes": 0.1})
    run = nbt.train(small_config)
    assert run.status == "finished"
    assert "validation_dice" in run.history[-1]
    assert run.history[-1]["learning_rate"] < 1e-3 * 0.1


@pytest.mark.feature(100, 104)
def test_the_n_best_models_are_kept(small_config):
    small_config.update(training={"epochs": 6, "keep_best": 2})
    run = nbt.train(small_config)
    kept = json.loads((run.directory / "checkpoints" / "best.json").read_text())
    best = sorted((row["validation_dice"] for row in run.history), reverse=True)[:2]
    assert [entry["score"] for entry in kept] == best
    assert run.best.name == kept[0]["file"]
    assert nbt.load_model(run.directory).path == run.best


@pytest.mark.feature(104)
def test_the_last_model_stands_for_the_run_if_the_user_says_so(small_config):
    small_config.training.load_at_end = "last"
    run = nbt.train(small_config)
    assert nbt.load_model(run.directory).path == run.last


def test_without_validation_the_training_loss_decides(small_config):
    small_config.data.validation_fraction = 0
    run = nbt.train(small_config)
    assert run.status == "finished"
    assert not any(name.startswith("validation") for name in run.history[0])
    (plan,) = (event for event in run.events if isinstance(event, events.Planned))
    assert (plan.monitor, plan.higher_is_better) == ("train_loss", False)
    assert len(list((run.directory / "previews").glob("*.png"))) == 3


@pytest.mark.feature(59)
def test_test_images_are_scored_once_at_the_end(small_config, write_pairs):
    test = write_pairs(name="test") | {"use": "test"}
    for path in (*Path(test["images"]).iterdir(), *Path(test["labels"]).iterdir()):
        tifffile.imwrite(path, tifffile.imread(path)[::-1])  # what trains may not test, also not as a copy
    small_config.data.datasets = [*small_config.data.datasets, test]
    run = nbt.train(small_config)
    (scored,) = (event for event in run.events if isinstance(event, events.TestScored))
    assert scored.images == 3
    found = nbt.evaluate(nbt.load_model(run.directory), test["images"], test["labels"])
    assert scored.scores["test_dice"] == pytest.approx(found["overall"]["dice"], abs=1e-6)


@pytest.mark.feature(24)
def test_a_run_can_start_from_the_weights_of_another(small_config):
    first = nbt.train(small_config)
    small_config.update(model={"pretrained": first.directory}, compile={"learning_rate": 1e-9}, training={"epochs": 1})
    second = nbt.train(small_config)
    before, after = _weights(first.best), _weights(second.last)
    assert all(torch.allclose(before[name], after[name], atol=1e-5) for name in before)
    small_config.model.features = [4, 8, 16]
    with pytest.raises(nbt.UserError, match=r"model.pretrained: that model has features \[4, 8\]"):
        nbt.train(small_config)


@pytest.mark.feature(1)
def test_without_recompiling_a_model_keeps_its_optimizer_loss_and_metrics(small_config):
    small_config.update(compile={"optimizer": "sgd", "loss": "jaccard", "metrics": ["precision"]})
    first = nbt.train(small_config)
    small_config.update(
        model={"pretrained": first.best}, compile={"optimizer": "adam", "loss": "dice", "recompile": False}
    )
    stored = Config.load(nbt.train(small_config).directory / "config.json").compile
    assert (stored.optimizer, stored.loss, stored.metrics) == ("sgd", "jaccard", ["precision"])
    small_config.compile.recompile = True
    stored = Config.load(nbt.train(small_config).directory / "config.json").compile
    assert (stored.optimizer, stored.loss) == ("adam", "dice")


def test_a_learning_rate_that_breaks_the_network_fails_with_advice(small_config):
    small_config.update(
        compile={"optimizer": "sgd", "learning_rate": 10_000, "loss": "binary_crossentropy", "schedule": "constant"}
    )
    small_config.update(training={"epochs": 40})
    run = nbt.train(small_config)
    if run.status == "failed":
        assert "Lower the learning rate" in run.error
        assert all(torch.isfinite(value).all() for value in _weights(run.last).values() if value.is_floating_point())


def test_a_file_that_vanishes_during_a_run_fails_it_with_its_name(small_config):
    run = nbt.start(small_config)
    folder = Path(small_config.data.datasets[0].images)
    for path in folder.iterdir():
        path.write_bytes(b"gone")
    run.wait()
    assert run.status in ("failed", "finished")
    if run.status == "failed":
        assert "img_" in run.error


def test_rgb_images_train_and_predict(small_config):
    for path in Path(small_config.data.datasets[0].images).iterdir():
        grey = tifffile.imread(path)
        tifffile.imwrite(path, np.stack([grey, grey // 2, 255 - grey], -1), photometric="rgb")
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert nbt.load_model(run.directory).predict(path).shape == (64, 64)


def test_resuming_a_run_that_still_goes_on_is_refused(small_config):
    small_config.training.epochs = 1000
    run = nbt.start(small_config)
    with pytest.raises(nbt.UserError, match="still going on"):
        nbt.resume(run.directory)
    run.stop(now=True)
    assert run.wait(timeout=60)


def test_patches_are_those_of_training(small_config):
    drawn = list(nbt.patches(small_config, 4, start=2))
    assert all(
        image.shape == (1, 32, 32) and image.dtype == np.float32 and label.shape == (32, 32) for image, label in drawn
    )
    again = list(nbt.patches(small_config, 2, start=4))
    for path in Path(small_config.data.datasets[0].images).iterdir():
        tifffile.imwrite(path, 255 - tifffile.imread(path))
    (inverted, _) = next(nbt.patches(small_config, 1, start=4))
    assert not np.array_equal(inverted, again[0][0])
    assert np.array_equal(drawn[2][0], again[0][0]) and np.array_equal(drawn[3][1], again[1][1])


def test_variants_and_places_are_those_of_the_settings(small_config):
    small_config.update(augmentation={"strength": "strong"})
    (first, label), *others = api.augmented_examples(small_config, 3, number=1)
    assert first.shape == (1, 32, 32) and label.shape == (32, 32) and len(others) == 2
    assert not any(np.array_equal(first, image) for image, _ in others)
    with pytest.raises(nbt.UserError, match="no patch -1"):
        api.augmented_examples(small_config, 3, number=-1)
    assert api.patch_locations(small_config, 0)["per_epoch"] == 2 * 2
    small_config.training.steps_per_epoch = -1
    assert api.patch_locations(small_config, 0)["per_epoch"] == training_patches(small_config).per_pass


def test_patches_of_whole_images_are_as_large_as_the_largest(small_config):
    small_config.update(sampling={"whole_images": True}, augmentation={"strength": "none"})
    (image, _) = next(nbt.patches(small_config, 1))
    assert image.shape == (1, 64, 64)
    assert api.patch_locations(small_config, 1)["places"][0]["box"] == ((0, 64), (0, 64))
