"""Files far larger than the memory: sparse on the disk, opened in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.opening import make_npy, make_tiff, make_zarr


@pytest.mark.feature(32)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory where Linux tells it")
@pytest.mark.parametrize("make", [make_tiff, make_zarr, make_npy])
def test_20_gb_open_and_are_cropped_in_little_memory(tmp_path, make):
    path = make(tmp_path, gigabytes=20)
    command = [sys.executable, "-m", "benchmarks.opening", str(path)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert told["gigabytes"] == pytest.approx(20, rel=0.05)
    assert told["peak_anonymous_mb"] - told["before_mb"] < 200
    assert told["peak_anonymous_mb"] < 300
