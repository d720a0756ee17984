"""The form and the dashboard: the only place that knows widgets."""

from nbtrainer.ui.app import TrainerApp
from nbtrainer.ui.dashboard.dashboard import Dashboard

__all__ = ["Dashboard", "TrainerApp"]
