"""Forms for the tests, built once: making all fields takes a second, showing another config a tenth of it."""

import pytest

from nbtrainer.config import Config
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.form import Form

PRESET = "binary_2d"


def _built() -> Form:
    made = Form(Config.preset(PRESET), base=Config.preset(PRESET), guard=Errors().guard, on_edit=lambda: None)
    for panel in made.panels:
        panel.build()
    return made


@pytest.fixture(scope="session")
def _one_form() -> Form:
    return _built()


@pytest.fixture(scope="module")
def shared_form() -> Form:
    """A form with all fields, for tests that change nothing, or set back what they change."""
    return _built()


@pytest.fixture
def form(_one_form: Form) -> Form:
    """A form as it is when it was just made, in the simple view, its first panel open."""
    form = _one_form
    form.show_view(is_complete=False, is_helping=False)
    form.load(Config.preset(PRESET), base=Config.preset(PRESET))
    for panel in form.panels[1:]:
        panel.open(False)
    form.field("augmentation.steps").kind_menu.value = ""
    return form
