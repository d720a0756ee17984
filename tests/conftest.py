"""Data for the tests, and `--features`: which of the numbered features have a test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nbtrainer import api, samples
from nbtrainer.config import Config
from nbtrainer.config.dataset import Dataset
from nbtrainer.runs import Run, attach

if "PYTEST_XDIST_WORKER" in os.environ:
    # one thread for each of the processes that share the machine; torch reads it when it is loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")

FEATURES = Path(__file__).parent.parent / "docs" / "features.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--features",
        action="store_true",
        help="print which features of docs/features.md have a test, and the features of each test",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    if config.getoption("--features"):
        config.option.numprocesses = 0  # the list is made where the tests are collected


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--features"):
        _print_features(items)
        items.clear()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--features") and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


def _print_features(items: list[pytest.Item]) -> None:
    """The tests of each feature, and then the features of each test: one with many numbers proves none of them."""
    proven: dict[int, set[str]] = {}
    marked: dict[str, set[int]] = {}
    for item in items:
        test = item.nodeid.partition("[")[0]
        for mark in item.iter_markers("feature"):
            for number in mark.args:
                proven.setdefault(number, set()).add(test)
                marked.setdefault(item.nodeid, set()).add(number)
    names = {int(number): text for number, text in re.findall(r"^(\d+)\. (.+)$", FEATURES.read_text("utf-8"), re.M)}
    for number, text in names.items():
        tests = sorted(proven.get(number, ()))
        print(f"{number:>4} {'yes' if tests else ' - '} {text}", *tests, sep="\n         ")
    print("\nby test:")
    for test, numbers in sorted(marked.items()):
        print(f"  {test}: {', '.join(map(str, sorted(numbers)))}")
    print(
        f"{len(set(proven) & set(names))} of {len(names)} features have a test, {len(set(names) - set(proven))} have none"
    )
    unknown = set(proven) - set(names)
    if unknown:
        print(f"tests name features that do not exist: {sorted(unknown)}")


@pytest.fixture
def nuclei() -> dict[str, str]:
    """The embedded nuclei as a dataset: 4 images of 256 x 256."""
    folder = samples.path("nuclei2d")
    return {"images": str(folder / "images"), "labels": str(folder / "labels")}


@pytest.fixture
def write_pairs(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Writes small images of bright discs with their labels and returns them as a dataset."""
    return partial(_write_discs, tmp_path)


@pytest.fixture
def small_config(tmp_path: Path) -> Config:
    """A run of 6 steps of a tiny network on discs; everything that would be measured is set."""
    return _small_config(tmp_path)


@pytest.fixture(scope="session")
def make_small_config() -> Callable[[Path], Config]:
    """Makes `small_config` in a folder of one's own, for what several tests share."""
    return _small_config


@pytest.fixture(scope="session")
def write_discs_to() -> Callable[..., dict[str, str]]:
    """As `write_pairs`, to a folder of one's own."""
    return _write_discs


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of 40 steps on three discs (0 and 255), which nobody may change."""
    folder = tmp_path_factory.mktemp("trained")
    config = _small_config(folder)
    config.data.datasets = [_write_discs(folder, foreground=255)]
    config.update(training={"epochs": 4, "steps_per_epoch": 10}, compile={"learning_rate": 0.01})
    run = api.train(config)
    assert run.status == "finished", run.error
    return run


@pytest.fixture
def trained(trained_once: Run, tmp_path: Path) -> Run:
    """A copy of that run, for a test of its own; its images lie where they were."""
    shutil.copytree(trained_once.directory, tmp_path / "trained")
    return attach(tmp_path / "trained")


@pytest.fixture(scope="session")
def discs(trained_once: Run) -> Dataset:
    """The images and labels that `trained` trained on."""
    return Config.load(trained_once.directory / "config.json").data.datasets[0]


def _write_discs(
    folder: Path, count: int = 3, shape: tuple[int, int] = (64, 64), foreground: int = 1, name: str = "set"
) -> dict[str, str]:
    rng = np.random.default_rng(0)
    for number in range(count):
        y, x = np.ogrid[: shape[0], : shape[1]]
        centre = rng.uniform(20, 44, 2)
        disc = np.hypot(y - centre[0], x - centre[1]) < 14
        image = (60 + 120 * disc + rng.normal(0, 15, shape)).clip(0, 255).astype(np.uint8)
        for kind, array in (("images", image), ("labels", disc.astype(np.uint8) * foreground)):
            path = folder / name / kind / f"img_{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, array)
    return {"images": str(folder / name / "images"), "labels": str(folder / name / "labels")}


def _small_config(folder: Path) -> Config:
    config = Config.preset("binary_2d")
    config.data.datasets = [_write_discs(folder)]
    config.update(
        sampling={"patch_size": [32, 32]},
        model={"features": [4, 8]},
        training={
            "epochs": 3,
            "steps_per_epoch": 2,
            "batch_size": 2,
            "precision": "float32",
            "memory_format": "contiguous",
            "torch_compile": "off",
        },
        output={"root": str(folder / "runs")},
    )
    return config
