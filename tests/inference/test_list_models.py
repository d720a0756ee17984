import shutil
from pathlib import Path

import pytest
import torch

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.models.cellpose_names import to_cellpose

OLD_RUNS = Path(__file__).parents[1] / "old_runs"


def test_a_folder_of_models_is_a_table(tmp_path):
    for name in ("semantic_2d", "binary_3d"):
        shutil.copytree(OLD_RUNS / name, tmp_path / "runs" / name)
    network = models.create("style_unet", dim=2, input_channels=2, output_channels=3, features=[4, 8])
    torch.save(to_cellpose(network.state_dict()), tmp_path / "cellpose_residual_on_style_on_concatenation_off_x")
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "weights.pt")
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("no model")
    told = []
    rows = nbt.list_models(tmp_path, lambda done, of: told.append((done, of)))
    by_name = {row["name"]: row for row in rows}
    assert told[-1] == (5, 5)
    semantic = by_name["runs/semantic_2d"]
    assert (semantic["kind"], semantic["dim"], semantic["channels"]) == ("semantic", 2, 1)
    assert semantic["classes"] >= 2 and semantic["network"] and semantic["score"] is not None and semantic["metric"]
    assert by_name["runs/binary_3d"]["dim"] == 3
    theirs = by_name["cellpose_residual_on_style_on_concatenation_off_x"]
    assert (theirs["network"], theirs["channels"], theirs["classes"]) == ("style_unet", 2, 3)
    assert by_name["weights.pt"]["format"] == "weights by name"
    assert "not a readable" in by_name["broken.pt"]["problem"]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(nbt.ModelError, match="no such folder"):
        nbt.list_models(tmp_path / "gone")
