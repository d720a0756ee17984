import pytest
import torch
from torch import nn

from nbtrainer.inference.device import (
    choose_device,
    for_any_size,
    is_out_of_memory,
    on_processor,
    precisions_of,
    read_numbers,
)


def test_a_record_without_tensors_of_a_tpu_stays_as_it_is():
    weights = nn.BatchNorm1d(2).state_dict()
    record = {"weights": weights, "resume": {"betas": (0.9, 0.99), "random": [torch.zeros(2)]}, "score": None}
    kept = on_processor(record)
    assert kept["weights"]["weight"] is weights["weight"]
    assert kept["weights"]._metadata == weights._metadata  # the versions of the layers
    assert kept["resume"]["betas"] == (0.9, 0.99) and kept["resume"]["random"][0] is record["resume"]["random"][0]
    assert kept["score"] is None


@pytest.mark.feature(110)
def test_a_graphics_card_is_chosen_where_there_is_one_and_the_processor_elsewhere():
    has_mps = torch.backends.mps.is_available()
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu")


def test_numbers_are_read_in_order():
    assert read_numbers([torch.tensor(2.0), torch.tensor(1.5)]) == [2.0, 1.5]
    assert read_numbers([]) == []


def test_a_network_on_the_processor_answers_to_any_size_itself():
    network = nn.Conv2d(1, 1, 3)
    assert for_any_size(network) is network


@pytest.mark.parametrize(
    ("device", "precisions"),
    [
        ("cpu", ["float32", "bfloat16"]),
        ("cuda", ["float32", "bfloat16", "float16"]),
        ("mps", ["float32"]),
        ("xla", ["float32", "bfloat16"]),
    ],
)
def test_precisions_of_each_device(device, precisions):
    assert precisions_of(torch.device(device)) == precisions


@pytest.mark.parametrize(
    "words", ["CUDA out of memory", "RESOURCE_EXHAUSTED: Attempting to reserve 9.0G at the bottom"]
)
def test_memory_that_ran_out_is_known_by_its_words(words):
    assert is_out_of_memory(RuntimeError(words)) and not is_out_of_memory(RuntimeError("shape mismatch"))
