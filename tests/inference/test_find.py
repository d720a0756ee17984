import json

import pytest

from nbtrainer.inference.checkpoint_path import best_checkpoint


@pytest.fixture
def run(tmp_path):
    """A run's folder with a best and a last checkpoint."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("last", "best-epoch0002-step4", "other"):
        (folder / f"{name}.pt").write_text("weights")
    (folder / "best.json").write_text(json.dumps([{"file": "best-epoch0002-step4.pt"}]))
    (tmp_path / "config.json").write_text('{"training": {"load_at_end": "best"}}')
    return tmp_path


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"a": 3}', "null", "[" * 100_000])
def test_a_model_is_found_beside_a_broken_list_of_the_best(run, content):
    (run / "checkpoints" / "best.json").write_text(content)
    if content in ("", "{", "[" * 100_000):
        with pytest.warns(UserWarning, match=r"best\.json cannot be used"):
            found = best_checkpoint(run)
    else:
        found = best_checkpoint(run)
    assert found == run / "checkpoints" / "best-epoch0002-step4.pt"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"training": 3}'])
def test_a_model_is_found_beside_broken_settings(run, content):
    (run / "config.json").write_text(content)
    if content in ("", "{"):
        with pytest.warns(UserWarning, match=r"config\.json cannot be used"):
            found = best_checkpoint(run)
    else:
        found = best_checkpoint(run)
    assert found is not None and found.name.startswith("best-")


def test_a_mark_at_the_beginning_of_a_list_or_of_settings_changes_nothing(run):
    for file in (run / "config.json", run / "checkpoints" / "best.json"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b'"best"}', b'"last"}'))
    assert best_checkpoint(run) == run / "checkpoints" / "last.pt"


def test_a_list_does_not_lead_out_of_its_folder(run):
    (run / "evil.pt").write_text("x")
    (run / "checkpoints" / "best.json").write_text(json.dumps([{"file": "../evil.pt"}, {"file": "other.pt"}]))
    assert best_checkpoint(run) == run / "checkpoints" / "other.pt"
