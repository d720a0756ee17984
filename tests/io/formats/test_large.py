"""Files far larger than the memory: sparse on the disk, opened in a process of their own."""

from pathlib import Path

import pytest

from benchmarks.opening import make_npy, make_tiff, make_zarr, measure_alone


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory where Linux tells it")
@pytest.mark.parametrize("make", [make_tiff, make_zarr, make_npy])
def test_20_gb_open_and_are_cropped_in_little_memory(tmp_path, make):
    told = measure_alone(make(tmp_path, gigabytes=20))
    assert told["gigabytes"] == pytest.approx(20, rel=0.05)
    assert told["open_seconds"] < 2
    assert told["peak_anonymous_mb"] - told["before_mb"] < 200
    assert told["peak_anonymous_mb"] < 300
