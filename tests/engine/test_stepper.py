import subprocess
import sys

import pytest
import torch

from nbtrainer import models, optimizers
from nbtrainer.engine.stepper import Stepper
from nbtrainer.losses.pixels import CrossEntropy
from nbtrainer.metrics import Counts
from nbtrainer.tasks.binary import Binary


def _stepper(**settings: object) -> Stepper:
    torch.manual_seed(0)
    network = models.create("unet", 2, 1, 1, [4, 8])
    optimizer = optimizers.create("sgd", network.parameters(), 0.1, 0.0, 0.0)
    return Stepper(network, CrossEntropy(), optimizer, torch.device("cpu"), "float32", Binary().pixels, **settings)


def _batch(count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 1, 16, 16, generator=generator)
    return images, (images > 0).float()


def _flat(counts: Counts) -> list[float]:
    return [value for values in counts.plain().values() for value in values]


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_a_step_in_parts_is_the_same_step(parts):
    whole, split = _stepper(), _stepper(parts=parts)
    loss, counts = whole.step(*_batch(), 0.1)
    loss_in_parts, counts_in_parts = split.step(*_batch(), 0.1)
    assert float(loss_in_parts) == pytest.approx(float(loss), rel=1e-5)
    assert _flat(counts_in_parts) == pytest.approx(_flat(counts), rel=1e-4)
    for one, other in zip(whole.network.parameters(), split.network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


# a real limit on the memory of a real process: the first halvings do not fit either
_LIMITED = """
import resource, sys, torch, psutil
from nbtrainer import models, optimizers
from nbtrainer.engine.stepper import Stepper
from nbtrainer.errors import UserError
from nbtrainer.losses.pixels import CrossEntropy
from nbtrainer.tasks.binary import Binary
torch.set_num_threads(1)
network = models.create("unet", 2, 1, 1, [16, 32])
optimizer = optimizers.create("adam", network.parameters(), 1e-3, 0.0, 0.0)
stepper = Stepper(network, CrossEntropy(), optimizer, torch.device("cpu"), "float32", Binary().pixels)
stepper.may_reduce = sys.argv[2] == "may"
stepper.when_reduced = lambda tiles, parts: print("reduced", tiles, parts, flush=True)
stepper.step(torch.randn(1, 1, 64, 64), torch.ones(1, 1, 64, 64), 1e-3)
size = int(sys.argv[1])
images = torch.randn(8, 1, size, size)
limit = psutil.Process().memory_info().vms + 800 * 1024**2
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    loss, _ = stepper.step(images, (images > 0).float(), 1e-3)
    print("done", bool(torch.isfinite(loss)))
except UserError as error:
    print("refused", error)
"""


def _limited(size: int, may: str) -> str:
    done = subprocess.run([sys.executable, "-c", _LIMITED, str(size), may], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, which only Linux does exactly")
class TestWhenMemoryRunsOut:
    @pytest.mark.feature(99)
    def test_the_same_step_is_done_in_smaller_parts(self):
        said = _limited(512, "may")
        assert "reduced 4 2" in said
        assert "done True" in said

    @pytest.mark.feature(99)
    def test_when_one_tile_alone_is_too_large_the_user_is_advised(self):
        said = _limited(2048, "may")
        assert "reduced 1 8" in said
        assert (
            "refused sampling.patch_size: memory ran out even with one tile at a time. Reduce the tile height and width"
            in said
        )

    def test_without_leave_to_reduce_the_user_is_told_of_the_switch(self):
        said = _limited(512, "may not")
        assert "refused training.batch_size: memory ran out" in said
