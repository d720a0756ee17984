"""The network as machine code: when a run changes over to it, and back where it fails."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from nbtrainer.engine.batches import Batch
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.progress import Emit
from nbtrainer.errors import UserError
from nbtrainer.metrics import ConfusionCounts
from nbtrainer.runs import events


def change_to_compiled(job: TrainingJob, emit: Emit, batch_size: int) -> bool:
    """From a fixed step on, full batches go through the network as machine code, smaller ones as before.

    Returns whether it was translated just now.
    """
    stepper = job.stepper
    if job.compile_from_step is None or job.clock.step < job.compile_from_step:
        return False
    if batch_size < job.clock.batch_size or stepper.is_short_of_memory:
        stepper.forward = stepper.network
        return False
    is_new = job.compiled is None
    if is_new:
        emit(events.Activity(doing="translating the network into machine code (once, up to two minutes)"))
        training = job.config.training
        # gradients of several batches are added up, and a graph would overwrite those of the batch before
        with_graphs = (
            training.torch_compile == "graphs" and job.device.type == "cuda" and training.batches_per_step == 1
        )
        job.compiled = compile_network(job.network, with_graphs=with_graphs)
        try:
            stepper.try_out(job.compiled, job.batch(job.clock.step).images[: job.batch_size])
        except Exception as error:  # torch's compiler fails in many ways; the network itself is sound
            emit(events.Warned(text=f"the network could not be compiled and goes on as it is ({type(error).__name__})"))
            job.compile_from_step = None
            return True
    stepper.forward = job.compiled
    return is_new


def compile_network(network: nn.Module, *, with_graphs: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """Another way through `network`, as machine code; the network stays as it is, and so do the names of its weights.

    `with_graphs`: what it starts on an NVIDIA card is recorded once and started as one from then on (CUDA graphs). An answer
    is overwritten by the next one.
    """
    if not with_graphs:
        return torch.compile(network, dynamic=False)
    compiled = torch.compile(network, dynamic=False, mode="reduce-overhead")

    def forward(images: torch.Tensor) -> torch.Tensor:
        torch.compiler.cudagraph_mark_step_begin()
        answer: torch.Tensor = compiled(images)
        return answer

    return forward


def step_or_fall_back(
    job: TrainingJob, emit: Emit, batch: Batch, learning_rate: float
) -> tuple[torch.Tensor, ConfusionCounts]:
    """One step; should the compiled network fail, the same with the network as it is, and so from then on."""
    stepper = job.stepper
    try:
        return stepper.step(batch.images, batch.targets, learning_rate)
    except UserError:
        raise
    except Exception as error:
        if stepper.forward is stepper.network:
            raise
        name = type(error).__name__
        words = (
            f"the compiled network failed at step {job.clock.step} ({name}): the run goes on with the network as it is"
        )
        emit(events.Warned(text=words))
    # outside the except block: the traceback holds the memory of the step that failed
    job.compile_from_step, stepper.forward = None, stepper.network
    return stepper.step(batch.images, batch.targets, learning_rate)
