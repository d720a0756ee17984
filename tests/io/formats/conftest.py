import numpy as np
import pytest

from nbtrainer.io.formats.opening import close_all


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NBTRAINER_CACHE", str(tmp_path / "cache"))
    yield
    close_all()


@pytest.fixture
def volume() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60000, (6, 40, 50)).astype(np.uint16)


@pytest.fixture
def colours() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
