"""Whether a run can go on with the settings that it is given, before anything of it is changed."""

from __future__ import annotations

from nbtrainer.config import Config
from nbtrainer.config.model import Model
from nbtrainer.engine.continue_model import continues
from nbtrainer.errors import ModelError, SettingError
from nbtrainer.inference.pretrained import starting_point

# of a run that begins
_OF_THE_START = ("pretrained", "take_over", "start_epoch", "backbone_weights", "dropout", "unmatched_layers")
# a run that goes on has the weights and moments of these
_BUILT_WITH = (
    "task.kind",
    "task.dim",
    *(f"model.{name}" for name in Model.model_fields if name not in _OF_THE_START),
    "compile.optimizer",
    "compile.layer_decay",
)


def require_same_build(before: Config, *, now: Config) -> None:
    """Raise `SettingError` if settings that the network and optimizer of a run were built with are others `now`."""
    for path in _BUILT_WITH:
        section, _, name = path.partition(".")
        was, is_now = (getattr(getattr(config, section), name) for config in (before, now))
        if was != is_now:
            raise SettingError(
                path,
                f"this run was built with {was}, and cannot go on with {is_now}",
                "Leave it as it is, or start a new run from its checkpoint (model.pretrained)",
                suggestions=(was,) if isinstance(was, str | int | float) else (),
            )


def require_steps_left(config: Config) -> None:
    """Raise `ModelError` if a run that goes on from a checkpoint would have nothing left to do."""
    training, model = config.training, config.model
    if training.max_minutes is not None or not continues(config):
        return
    start = starting_point(config)
    record = start.record if start is not None else None
    if record is None:
        return
    remedy = "Give it more training.epochs or training.iterations, or a model.start_epoch, such as 0"
    if model.start_epoch is not None:
        done, whole, unit = model.start_epoch, training.epochs, "epochs"
    elif training.iterations:
        done, whole, unit = int(record.get("step", 0)), training.iterations, "steps"
    else:
        done, whole, unit = int(record.get("epoch", 0)), training.epochs, "epochs"
    if unit == "epochs" and training.iterations:
        return  # its epochs are counted in steps, once it is known how many there are
    if done >= whole:
        wrong = f"the run begins after {done:,} {unit}, and is to have {whole:,}"
        raise ModelError("model.start_epoch" if model.start_epoch is not None else "model.pretrained", wrong, remedy)
