import torch
from torch import nn

from nbtrainer import models
from nbtrainer.engine import autotune
from nbtrainer.losses.pixels import DiceCrossEntropy

CPU = torch.device("cpu")
_BATCH = {"images": torch.zeros(2, 1, 32, 32), "targets": torch.zeros(2, 1, 32, 32)}


def test_the_measurement_disturbs_neither_weights_nor_random_numbers():
    network = models.create("unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
    before = [weights.clone() for weights in network.parameters()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    found = autotune.measure(
        network,
        loss=DiceCrossEntropy(smoothing=1e-5, overlap_weight=1.0, per_patch=False),
        **_BATCH,
        device=CPU,
        precisions=["float32", "bfloat16"],
        formats=["contiguous", "channels_last"],
    )
    assert torch.equal(torch.rand(3), expected)
    assert list(found)[0] == ("float32", "contiguous")
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))


def test_where_not_even_a_small_batch_fits_the_exact_choice_is_taken():
    class TooLarge(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise MemoryError("not enough memory")

    found = autotune.measure(
        TooLarge(),
        loss=DiceCrossEntropy(smoothing=1e-5, overlap_weight=1.0, per_patch=False),
        **_BATCH,
        device=CPU,
        precisions=["float32", "bfloat16"],
        formats=["contiguous"],
    )
    assert autotune.fastest(found) == ("float32", "contiguous")
    assert not autotune.compile_pays(CPU, min(found.values()))  # nothing is known of how long it takes


def test_the_exact_choice_stays_unless_another_is_clearly_faster():
    plain, fast = ("float32", "contiguous"), ("bfloat16", "contiguous")
    assert autotune.fastest({plain: 1.0, fast: 0.97}) == plain
    assert autotune.fastest({plain: 1.0, fast: 0.6}) == fast


def test_compiling_pays_only_in_long_runs():
    assert not autotune.compile_pays(CPU, 60)
    assert not autotune.compile_pays(torch.device("mps"), 1e9)
