"""How long and how the network trains."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from nbtrainer.catalog import METRICS, device_name
from nbtrainer.config.section import Section, field

BatchSize = Annotated[int, Field(ge=1, le=100_000)]


class Training(Section):
    """How long and how the network trains. Training can take hours or days; progress is shown all the time."""

    where: ClassVar[str] = "training"

    epochs: int = field(
        60,
        title="Epochs",
        help="One epoch passes the whole set through the network once (see steps per epoch).",
        ge=1,
        le=1_000_000,
    )
    iterations: int | None = field(
        None,
        title="Iterations",
        help="Steps of the whole run. If set, it decides instead of the epochs.",
        unit="steps",
        ge=1,
        advanced=True,
    )
    max_minutes: float | None = field(
        None,
        title="Time budget",
        help="Ends the run after this time, if the epochs have not ended it before. The learning rate follows the clock then, so that two runs with the same seed differ a little; give iterations to repeat one exactly.",
        unit="minutes",
        gt=0,
    )
    steps_per_epoch: int = field(
        -1,
        title="Steps per epoch",
        help="Batches that make an epoch; -1: as many as show every image once.",
        unit="batches",
        ge=-1,
    )
    batch_size: Literal["auto"] | BatchSize = field(
        8,
        title="Batch size",
        help="Patches for one update of the weights. Larger is steadier and needs more memory; 'auto': as many as fit, at most 8 on a processor and 32 on a graphics card.",
        unit="patches",
    )
    batches_per_step: int = field(
        1,
        title="Batches per step",
        help="How many batches make one update of the weights: their gradients are added. A larger batch without its memory.",
        unit="batches",
        ge=1,
        le=10_000,
        advanced=True,
    )
    reduce_batch_on_out_of_memory: bool = field(
        True,
        title="Reduce batch on out-of-memory",
        help="When memory runs out, do the same step in parts instead of failing. The result stays the same, except where a network normalizes over the batch; the log says so.",
    )
    keep_best: int = field(
        1,
        title="Keep the best",
        help="How many of the best models to keep on disk; -1: all.",
        unit="models",
        ge=-1,
        le=1000,
    )
    load_at_end: Literal["best", "last"] = field(
        "best",
        title="At the end, load the",
        help="Which model stands for the run when it is over.",
        choices={"best": "best model", "last": "last model"},
    )
    monitor: str = field(
        "auto",
        title="Best means",
        help="What is compared to find the best model: 'auto' is the first metric on the validation images, else the training loss.",
        choices={
            "auto": "auto",
            "validation_loss": "lowest validation loss",
            "train_loss": "lowest training loss",
        }
        | {f"validation_{name}": f"best validation {entry.title}" for name, entry in METRICS.items()},
        choice_kinds={f"validation_{name}": entry.kinds for name, entry in METRICS.items()},
        advanced=True,
    )
    intervals_in: str = field(
        "epochs",
        title="Intervals count",
        help="What 'Validate every', 'Save every' and 'Keep a model every' are counted in. PyTorch Connectomics counts steps.",
        choices={"epochs": "epochs", "steps": "steps"},
        advanced=True,
    )
    validation_interval: int = field(
        1,
        title="Validate every",
        help="So many epochs or steps (see above). Validation looks at whole images; make it rarer if it takes long. The end of the run always validates.",
        ge=1,
        le=1_000_000_000,
        advanced=True,
    )
    patience: int = field(
        0,
        title="Patience",
        help="Ends the run after this many validations without a better score; 0: never. The learning rate may still be high then: a constant rate or 'steps' suits it best.",
        unit="validations",
        ge=0,
        le=1_000_000,
        advanced=True,
    )
    keep_each: int = field(
        0,
        title="Keep a model every",
        help="Keeps the model of every so many epochs or steps as a file of its own, besides the best; 0: none.",
        ge=0,
        le=1_000_000_000,
        advanced=True,
    )
    save_interval: int = field(
        1,
        title="Save every",
        help="So many epochs or steps, over the last one; make it rarer where epochs are short. A better model, a stop and the end of the run save too.",
        ge=1,
        le=1_000_000_000,
        advanced=True,
    )
    checkpoint_interval: float = field(
        5.0,
        title="Save after",
        help="However long an epoch or an interval is, everything is saved this often, so that a crash loses no more.",
        unit="minutes",
        gt=0,
        advanced=True,
    )
    shuffle: bool = field(
        True,
        title="Shuffle",
        help="Show patches in another order in each epoch.",
        advanced=True,
    )
    seed: int = field(
        42,
        title="Seed",
        help="The same seed on the same machine gives the same run, unless a time budget ends it: then the learning rate follows the clock.",
        ge=0,
        le=2**31 - 1,
        advanced=True,
    )
    device: str = field(
        "auto",
        title="Device",
        help="'auto' takes a graphics card if there is one. Else: cpu, cuda, cuda:1, mps, or tpu where torch_xla is installed.",
        advanced=True,
    )
    processes: int = field(
        1,
        title="Processes",
        help="How many processes share each batch and the validation: with NVIDIA cards one for each card to be used, on a processor at most one a core. The run is the same as in one process, but for rounding.",
        ge=1,
        le=1024,
        advanced=True,
    )
    threads: int | None = field(
        None,
        title="Threads",
        help="Processor threads for the network, in each process. Empty: as many as this process may use.",
        ge=1,
        le=1024,
        advanced=True,
    )
    workers: int | None = field(
        None,
        title="Loading threads",
        help="Threads that prepare patches ahead. Empty: none on a processor, two for a graphics card.",
        ge=0,
        le=256,
        advanced=True,
    )
    augment_on: str = field(
        "auto",
        title="Augment on",
        help="Where patches are warped and changed: whole batches on the graphics card, or one by one on the processor. Both give the same patches. 'auto' takes the card if it trains.",
        choices={"auto": "auto", "processor": "processor", "device": "the device that trains"},
        advanced=True,
    )
    precision: str = field(
        "auto",
        title="Precision",
        help="'auto' measures at the start which is fastest here.",
        choices={
            "auto": "auto",
            "float32": "float32 (exact)",
            "bfloat16": "bfloat16 (fast where the processor knows it)",
            "float16": "float16 (graphics cards)",
        },
        advanced=True,
    )
    memory_format: str = field(
        "auto",
        title="Memory format",
        help="'auto' measures at the start which is fastest here.",
        choices={"auto": "auto", "contiguous": "contiguous", "channels_last": "channels last"},
        advanced=True,
    )
    torch_compile: str = field(
        "auto",
        title="Compile network",
        help="Translate the network into machine code after the first epoch. 'auto' does so where the run is long enough to earn it back. CUDA graphs besides spare small networks on an NVIDIA card the time that each operation takes to begin; elsewhere, and with several batches per step, that is the same as 'on'.",
        choices={"auto": "auto", "on": "on", "off": "off", "graphs": "on, with CUDA graphs"},
        advanced=True,
    )

    @field_validator("device")
    @classmethod
    def _as_torch_calls_it(cls, name: str) -> str:
        """`GPU` is cuda; the check refuses what is no name of a device."""
        return device_name(name) or name
