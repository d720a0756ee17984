"""What a network learns from labels, with the settings' values for everything that a test does not name."""

from functools import partial

from nbtrainer.config.task.instance_contour import InstanceContourSettings
from nbtrainer.labels import contour as contours

_SETTINGS = InstanceContourSettings()
contour = partial(
    contours.contour,
    width=_SETTINGS.contour_width,
    with_background=_SETTINGS.contour_with_background,
    contours_in_plane=_SETTINGS.contours_in_plane,
)
