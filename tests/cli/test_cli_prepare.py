"""`nbtrainer prepare`, as the command line calls it."""

import json
import shlex

import pytest
import tifffile

from nbtrainer.cli.main import main as cli
from nbtrainer.config import Config


@pytest.fixture
def nbtrainer(monkeypatch, capsys):
    """Runs the command line in this process: (exit status, what it printed, what it complained)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["nbtrainer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.mark.feature(41, 42, 44)
def test_prepare_divides_and_says_what_to_type_next(nbtrainer, nuclei, tmp_path):
    given = ("--images", nuclei["images"], "--labels", nuclei["labels"], "--output-root", tmp_path / "my out")
    options = ("--data-task", "nuclei", "--train", 0.5, "--validation", 0.25, "--test", 0.25, "--seed", 3)
    status, printed, _ = nbtrainer("prepare", *given, *options)
    assert status == 0
    folder = tmp_path / "my out" / "nuclei"
    assert f"train 2, val 1, test 1 pairs in {folder}" in printed
    assert len(list((folder / "train" / "images").iterdir())) == 2

    command = shlex.split(printed.splitlines()[-1])
    assert command[:3] == ["nbtrainer", "train", "binary_2d"]
    config = Config.preset("binary_2d")
    for assignment in command[3:]:
        name, _, value = assignment.partition("=")
        config.set(name, json.loads(value) if value.startswith("[") else value)
    assert [dataset.use for dataset in config.data.datasets] == ["train", "validation", "test"]
    assert config.output.data_task == "nuclei"

    status, _, complaint = nbtrainer("prepare", *given, *options)
    assert status == 2 and "train is there already" in complaint


@pytest.mark.feature(44, 65)
def test_prepare_takes_percentages_and_divides_large_images(nbtrainer, nuclei, tmp_path):
    given = ("--images", nuclei["images"], "--labels", nuclei["labels"], "--output-root", tmp_path, "--divide", 128)
    status, printed, _ = nbtrainer("prepare", *given, "--train", "50%", "--val", "25%", "--test", "25%")
    assert status == 0
    assert "train 8, val 4, test 4 pairs" in printed


@pytest.mark.feature(35)
def test_stack_and_unstack(nbtrainer, nuclei, tmp_path):
    status, printed, _ = nbtrainer("prepare", "stack", nuclei["images"], tmp_path / "stack.tif")
    assert status == 0 and "4 x 256 x 256 -> " in printed
    assert tifffile.imread(tmp_path / "stack.tif").shape == (4, 256, 256)
    status, printed, _ = nbtrainer("prepare", "unstack", tmp_path / "stack.tif", tmp_path / "single")
    assert status == 0 and "4 slices, stack_1.tif to stack_4.tif" in printed
    status, _, complaint = nbtrainer("prepare", "unstack", tmp_path / "stack.tif", tmp_path / "single")
    assert status == 2 and complaint.count("\n") == 1 and "single is there already" in complaint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give --images and --labels, or --dataset alone"),
        (["--images", "a"], "Give --images and --labels, or --dataset alone"),
        (["--images", "a", "--labels", "b"], "images: there is no folder or file a"),
        (["--dataset", "gone"], "gone has no folder images or labels"),
        (["--images", "a", "--labels", "b", "--train", "much"], "images: there is no folder or file a"),
        (["--divide", "much"], "'much' is not a"),
        (["heap"], "No such command"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(nbtrainer, arguments, message):
    status, _, complaint = nbtrainer("prepare", *arguments)
    assert status == 2 and message in complaint and complaint.count("\n") == 1
