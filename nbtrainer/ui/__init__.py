"""The form and the dashboard: the only place that knows widgets."""

from nbtrainer.ui.app import TrainerApp
from nbtrainer.ui.dashboard import Dashboard

__all__ = ["Dashboard", "TrainerApp"]
