"""Settings changed while the run trains: the next step has them, the log tells them, and a resume keeps them."""

from __future__ import annotations

from nbtrainer.config import Config
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.plan import planned_event
from nbtrainer.engine.progress import Emit
from nbtrainer.errors import UserError
from nbtrainer.runs import events
from nbtrainer.runs.changes import judged, take_changes


def apply_changes(job: TrainingJob, emit: Emit) -> None:
    """Go on with what was asked for by `Run.change` or a file; what is not possible is told, and changes nothing."""
    try:
        changes = take_changes(job.directory)
        if not changes:
            return
        job.config = judged(job.config, changes)
        judged(Config.load(job.directory.config), changes).save(job.directory.config)
    except (UserError, OSError) as error:
        emit(events.Warned(text=f"a change that was asked for is not possible: {error}"))
        return
    job.clock.change_budgets(job.config.training)
    emit(events.SettingsChanged(step=job.clock.step, changes=changes))
    emit(planned_event(job))
