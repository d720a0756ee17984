import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from corpus import CASES, World

import nbtrainer as nbt
from nbtrainer.cli.main import main as cli

# the cases that prove a feature of the checklist: without it they would not be found
_PROOFS = {
    29: ("label_missing", "image_missing", "one_label_for_all", "list_with_too_few"),
    61: ("image_far_larger", "volume_of_another_size", "patch_larger_than_the_images"),
    63: ("copies_validate", "copied_image", "image_of_another_type", "image_far_larger", "a_single_pair", "two_pairs"),
    64: ("sparse_images", "sparse_objects_everywhere"),
    65: ("images_to_be_subdivided", "patch_larger_than_the_images"),
    66: ("one_label_empty", "anti_aliased_label", "label_of_decimals"),
    83: ("augmentation_off",),
}
# told on the command line as well: one of each kind
_ON_THE_COMMAND_LINE = (
    "cut_in_the_middle-.tif",
    "label_missing",
    "label_of_another_size-(64, 63)",
    "folder_that_is_not_there-images",
    "colour_label-3",
    "every_label_empty",
    "copies_validate-renamed",
    "labels_of_interest_that_are_nowhere-[5]",
    "region_outside",
    "patch_with_too_many_axes",
    "list_with_a_missing_file-gone.tif",
    "resize_of_wrong_length-[64]",
)


def test_the_corpus_has_200_broken_inputs_and_more():
    assert len(CASES) >= 200


def test_what_is_sound_has_no_findings(tmp_path):
    world = World(tmp_path)
    assert nbt.check(world.config) == []


def test_sound_volumes_have_only_the_finding_that_they_are_few(tmp_path):
    world = World(tmp_path)
    world.volumes()
    assert [finding.wrong for finding in nbt.check(world.config)] == ["there are only 3 images"]


def _marked(name: str) -> Any:
    """A case, with the features that it proves."""
    numbers = [number for number, cases in _PROOFS.items() if name.partition("-")[0] in cases]
    return pytest.param(name, marks=[pytest.mark.feature(*numbers)] if numbers else [])


def test_every_proof_is_a_case():
    known = {name.partition("-")[0] for name in CASES}
    assert {name for cases in _PROOFS.values() for name in cases} <= known


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", [_marked(name) for name in CASES])
def test_a_broken_input_is_found(name, tmp_path):
    case = CASES[name]
    world = World(tmp_path)
    case.damage(world)
    if name == "file_that_may_not_be_read" and os.access(world.image(), os.R_OK):
        pytest.skip("the system lets this user read everything")
    findings = nbt.check(world.config)
    told = [str(finding) for finding in findings if finding.level == case.level]
    assert any(re.search(case.says, text, re.IGNORECASE) for text in told), [str(finding) for finding in findings]
    if case.level == "warning":
        assert not [str(finding) for finding in findings if finding.level == "error"]
    assert all(finding.where and finding.wrong for finding in findings)


@pytest.mark.parametrize("name", _ON_THE_COMMAND_LINE)
def test_a_broken_input_on_the_command_line_ends_with_status_2_and_one_message(name, tmp_path, monkeypatch, capsys):
    case = CASES[name]
    world = World(tmp_path)
    case.damage(world)
    monkeypatch.setattr(sys, "argv", ["nbtrainer", "check", str(world.config.save(tmp_path / "config.json"))])
    with pytest.raises(SystemExit) as ended:
        cli()
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert re.search(case.says, told.out, re.IGNORECASE)
    assert told.err.startswith("nbtrainer: ") and len(told.err.splitlines()) == 1


def test_the_command_line_mends_and_saves_settings_beside_the_old(tmp_path):
    world = World(tmp_path)
    CASES["colour_label-3"].damage(world)
    saved = world.config.save(tmp_path / "config.json")
    before = saved.read_text()
    command = [sys.executable, "-m", "nbtrainer", "check", str(saved)]
    root = Path(__file__).parents[2]
    broken = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert broken.returncode == 2 and "[--fix: Turn colours into numbers]" in broken.stdout
    assert "Traceback" not in broken.stderr
    mended = subprocess.run([*command, "--fix"], capture_output=True, text=True, cwd=root, check=False)
    assert mended.returncode == 0, mended.stderr
    assert "one label in" in mended.stdout and "config_repaired.json" in mended.stdout
    assert saved.read_text() == before
    assert nbt.check(tmp_path / "config_repaired.json") == []
    assert (tmp_path / "runs" / "default" / "repaired" / "labels-1" / "img_1.tif").exists()


def test_progress_is_told_up_to_its_end(tmp_path):
    told: list[tuple[int, int]] = []
    nbt.check(World(tmp_path).config, lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[0] == (1, 10) and told[-1] == (10, 10)
