import gc
import os
import shutil
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

from nbtrainer.errors import UserError
from nbtrainer.io.formats import decompressed as unpacked
from nbtrainer.io.formats.decompressed import cache_folder, unpack


def _source(tmp_path, name):
    path = tmp_path / name
    path.write_text(name)
    return path


def _unpack(path, array, **settings):
    copy = unpack(
        path,
        inside="",
        shape=array.shape,
        dtype=array.dtype,
        pieces=lambda: np.array_split(array.reshape(-1), 5),
        **settings,
    )
    return copy, _content(copy, array)


def _content(copy, like):
    return np.fromfile(copy.file.path, like.dtype, offset=copy.offset).reshape(like.shape)


def _kept():
    return len(list(cache_folder().glob("*.npy")))


def test_it_is_unpacked_once_for_each_version_of_the_file(tmp_path, volume):
    path, steps = _source(tmp_path, "a"), []
    for _ in range(3):
        copy, array = _unpack(path, volume, on_progress=lambda *step: steps.append(step))
        assert np.array_equal(array, volume)
        del copy
        gc.collect()
    assert len(steps) == 5 and steps[-1] == (volume.nbytes, volume.nbytes) and _kept() == 1
    path.write_text("another")
    assert np.array_equal(_unpack(path, volume + 1)[1], volume + 1) and _kept() == 2


def test_a_failure_leaves_nothing_half(tmp_path, volume):
    def pieces():
        yield volume[0]
        raise ValueError("broken")

    for given in (pieces, lambda: [volume[0]], lambda: [volume, volume]):
        with pytest.raises(ValueError, match=r"broken|ends after|more pixels"):
            unpack(_source(tmp_path, "a"), inside="", shape=volume.shape, dtype=volume.dtype, pieces=given)
    assert not list(cache_folder().iterdir())


def test_a_damaged_copy_is_unpacked_again(tmp_path, volume):
    path = _source(tmp_path, "a")
    _unpack(path, volume)
    gc.collect()
    (copy,) = cache_folder().glob("*.npy")
    copy.write_bytes(copy.read_bytes()[:-100])
    assert np.array_equal(_unpack(path, volume)[1], volume)


def test_the_least_recently_used_is_evicted_first_and_never_one_that_is_open(tmp_path, monkeypatch, volume):
    monkeypatch.setenv("NBTRAINER_CACHE_GB", str(3.5 * volume.nbytes / 1e9))
    paths = [_source(tmp_path, name) for name in "abcd"]
    held, _ = _unpack(paths[0], volume)
    for k, path in enumerate(paths[:3]):
        found, _ = _unpack(path, volume + k)
        os.utime(found.file.path, (k, k))
        del found
    gc.collect()
    _unpack(paths[3], volume + 3)
    assert _kept() == 3 and np.array_equal(_content(held, volume), volume)

    def must_not():
        raise AssertionError("it was evicted")

    for k in (0, 2):
        again = unpack(paths[k], inside="", shape=volume.shape, dtype=volume.dtype, pieces=must_not)
        assert np.array_equal(_content(again, volume), volume + k)


@pytest.mark.parametrize("gigabytes", ["0", "0.00001"])
def test_what_does_not_fit_is_told_with_advice(tmp_path, monkeypatch, volume, gigabytes):
    monkeypatch.setenv("NBTRAINER_CACHE_GB", gigabytes)
    with pytest.raises(UserError, match=r"only 0\.0 GB may be used there.*NBTRAINER_CACHE"):
        _unpack(_source(tmp_path, "a"), volume)


def test_never_more_than_half_of_the_free_disk_is_used(tmp_path, monkeypatch, volume):
    usage = namedtuple("usage", "total used free")(10**12, 0, int(1.9 * volume.nbytes))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match="half of the free disk"):
        _unpack(_source(tmp_path, "a"), volume)


def test_a_limit_that_is_no_number_and_a_folder_that_cannot_be_written_are_told(tmp_path, monkeypatch, volume):
    monkeypatch.setenv("NBTRAINER_CACHE_GB", "many")
    with pytest.raises(UserError, match="'many' is not a number of gigabytes"):
        _unpack(_source(tmp_path, "a"), volume)
    monkeypatch.delenv("NBTRAINER_CACHE_GB")
    monkeypatch.setenv("NBTRAINER_CACHE", str(_source(tmp_path, "a file")))
    with pytest.raises(UserError, match=r"cannot be unpacked to .*NBTRAINER_CACHE"):
        _unpack(_source(tmp_path, "a"), volume)


def test_what_a_crash_left_behind_is_cleared_after_a_day(tmp_path, volume):
    cache_folder().mkdir(parents=True)
    old, new = cache_folder() / "x.part", cache_folder() / "y.part"
    for path, modified in ((old, 0), (new, None)):
        path.write_bytes(b"half")
        if modified is not None:
            os.utime(path, (modified, modified))
    _unpack(_source(tmp_path, "a"), volume)
    assert not old.exists() and new.exists()


def test_two_processes_may_unpack_at_once(tmp_path):
    path = _source(tmp_path, "a")
    code = (
        "import numpy as np\nfrom pathlib import Path\nfrom nbtrainer.io.formats.decompressed import unpack\n"
        "array = np.arange(4_000_000, dtype=np.uint32).reshape(2000, 2000)\n"
        f"found = unpack(Path({str(path)!r}), inside='', shape=array.shape, dtype=array.dtype, pieces=lambda: list(array))\n"
        "found = np.fromfile(found.file.path, array.dtype, offset=found.offset)\n"
        "assert np.array_equal(found, array.reshape(-1))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert [entry.suffix for entry in cache_folder().iterdir()] == [".npy"]


def test_the_cache_lies_in_the_users_folder_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("NBTRAINER_CACHE")
    monkeypatch.setattr(unpacked, "user_cache_dir", lambda name: f"cache of {name}")
    assert cache_folder().parts == ("cache of nbtrainer", "unpacked")
