import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from nbtrainer.engine import checkpoint
from nbtrainer.engine.checkpoint import BestCheckpoints


def _enter(best: BestCheckpoints, folder, scores):
    for step, score in enumerate(scores, 1):
        if best.earns_a_place(score):
            (folder / best.enter(score, epoch=step, step=step)).touch()
            best.settle()


@pytest.mark.feature(100)
@pytest.mark.parametrize(("higher", "kept"), [(True, [0.9, 0.8]), (False, [0.1, 0.5])])
def test_the_n_best_are_kept_in_order_and_others_removed(tmp_path, higher, kept):
    best = BestCheckpoints(tmp_path, 2, higher)
    _enter(best, tmp_path, [0.5, 0.8, float("nan"), 0.1, 0.9, 0.7])
    assert [entry["score"] for entry in best.entries] == kept
    assert {path.name for path in tmp_path.glob("*.pt")} == {entry["file"] for entry in best.entries}
    assert json.loads((tmp_path / "best.json").read_text()) == best.entries


def test_equal_scores_do_not_push_each_other_out(tmp_path):
    best = BestCheckpoints(tmp_path, 1, True)
    _enter(best, tmp_path, [0.5, 0.5])
    assert best.entries[0]["epoch"] == 1


_KILLED_WHILE_SAVING = """
import sys, torch
from pathlib import Path
from nbtrainer.engine import checkpoint
path = Path(sys.argv[1])
number = 0
while True:
    checkpoint.write({"number": number, "weights": torch.full((300_000,), float(number))}, path)
    number += 1
    print(number, flush=True)
"""


def test_a_process_killed_while_saving_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "last.pt"
    for delay in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED_WHILE_SAVING, str(path)], stdout=subprocess.PIPE, text=True
        )
        # the kill falls after another number of saves each time, somewhere inside the next
        for _ in range(3 + 7 * delay):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        record = torch.load(path, weights_only=True)
        assert (record["weights"] == record["number"]).all()


def test_a_second_name_survives_when_the_first_is_written_anew(tmp_path):
    checkpoint.write({"a": 1}, tmp_path / "last.pt")
    checkpoint.copy(tmp_path / "last.pt", target=tmp_path / "best.pt")
    checkpoint.write({"a": 2}, tmp_path / "last.pt")
    assert torch.load(tmp_path / "best.pt", weights_only=True) == {"a": 1}
