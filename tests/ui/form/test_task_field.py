"""The form follows the kind of segmentation: what is shown, what menus offer, and what stays as it was."""

import pytest

from nbtrainer.catalog import LOSSES, METRICS, TASKS
from nbtrainer.config import Config
from nbtrainer.config.data import IMAGES, PREPARED, READ, SPLIT
from nbtrainer.config.describe import sections, settings
from nbtrainer.ui import icons as glyphs
from nbtrainer.ui import style
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.fields import CHOOSE
from nbtrainer.ui.form.form import Form
from nbtrainer.ui.form.panels import groups

NOT_SUITED = "not for this kind of segmentation"
ROWS = settings()
DATA_HEADINGS = (IMAGES, SPLIT, READ, PREPARED)
SOME = [row for row in ROWS if row.kinds]


@pytest.fixture
def form(form):
    form.show_view(is_complete=True, is_helping=False)
    return form


def choose(form, kind):
    form.field("task.kind").enter(kind)


def offered(field):
    return [value for _, value in field.widget.options if value]


@pytest.mark.parametrize("kind", TASKS)
def test_the_complete_view_shows_what_has_an_effect_on_the_kind_and_nothing_else(form, kind):
    choose(form, kind)

    assert {row.path for row in SOME if form.field(row.path).is_shown} == {
        row.path for row in SOME if kind in row.kinds
    }
    assert form.field("training.epochs").is_shown


def test_the_simple_view_of_a_kind_leaves_out_the_advanced(form):
    choose(form, "instance_contour")

    form.show_view(is_complete=False, is_helping=False)

    assert form.field("task.contour_width").is_shown
    assert not form.field("task.contour_weight").is_shown
    assert not form.field("task.number_of_classes").is_shown


def test_values_are_kept_while_their_settings_are_out_of_sight(form):
    choose(form, "instance_contour")
    form.field("task.contour_width").enter(3)

    choose(form, "semantic")
    assert not form.field("task.contour_width").is_shown
    assert form.config.task.contour_width == 3

    choose(form, "instance_contour")
    assert form.field("task.contour_width").is_shown
    assert form.field("task.contour_width").widget.value == "3"


def test_a_panel_that_is_opened_later_follows_the_kind_too():
    form = Form(Config.preset("binary_2d"), base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None)
    choose(form, "unsupervised")

    assert form.field("task.number_of_classes").is_shown
    assert not form.field("task.class_names").is_shown


def test_another_config_brings_its_kind(form):
    config = Config()
    config.task.kind = "semantic"

    form.load(config, base=Config())

    assert form.field("task.class_names").is_shown
    assert not form.field("task.threshold").is_shown


def test_heads_without_settings_under_them_are_not_shown(form):
    panel = form.panels[1]

    def heads():
        return [head.value for head, _ in panel.groups if head.layout.display is None]

    choose(form, "binary")
    assert not any("In the loss" in head for head in heads())
    choose(form, "instance_contour")
    assert any("In the loss" in head for head in heads())


@pytest.mark.parametrize("kind", TASKS)
def test_menus_offer_the_losses_metrics_and_networks_that_suit(form, kind):
    choose(form, kind)

    assert offered(form.field("compile.loss")) == [
        "auto",
        *(name for name, entry in LOSSES.items() if entry.suits(kind) and not entry.is_regularizer),
    ]
    means = TASKS.load(kind).default_metrics
    assert offered(form.field("compile.metrics")) == [
        name for name in METRICS if METRICS[name].suits(kind) and name not in means
    ]
    assert ("wnet" in offered(form.field("model.name"))) == (kind == "unsupervised")
    monitors = offered(form.field("training.monitor"))
    assert ("validation_ap_50" in monitors) == METRICS["ap_50"].suits(kind)
    assert "validation_dice" in monitors


def test_what_was_chosen_for_another_kind_is_kept_and_said_not_to_suit(form):
    form.field("compile.loss").enter("bce_dice")
    form.field("compile.metrics").enter(["dice", "hausdorff_95"])

    choose(form, "semantic")
    loss, metrics = form.field("compile.loss"), form.field("compile.metrics")
    assert form.config.compile.loss == "bce_dice"
    assert loss.widget.value == "bce_dice"
    assert NOT_SUITED in loss.widget.label
    assert "Not for this kind of segmentation" in loss.help_text.value
    assert not any(NOT_SUITED in title for title, value in loss.widget.options if value != "bce_dice")

    choose(form, "instance_contour")
    said = [line.children[1].value for line in metrics.chosen_box.children]
    assert NOT_SUITED not in said[0] and NOT_SUITED in said[1]

    choose(form, "binary")
    assert NOT_SUITED not in loss.widget.label + loss.help_text.value


def test_networks_of_other_dimensions_are_not_offered_and_a_chosen_one_says_so(form):
    network = form.field("model.name")
    assert "linknet" in offered(network) and "seg_resid" in offered(network)
    network.enter("linknet")
    assert form.field("model.backbone").is_shown and not form.field("model.features").is_shown

    form.field("task.dim").enter(3)
    assert "fpn" not in offered(network) and "seg_resid" in offered(network)
    assert "not for 3D" in network.widget.label and "Not for 3D." in network.help_text.value

    form.field("task.dim").enter(2)
    assert "fpn" in offered(network) and "not for" not in network.widget.label


def test_a_refused_value_is_seen_whatever_the_kind(form):
    choose(form, "instance_contour")
    form.field("task.contour_width").widget.value = "99"

    choose(form, "binary")
    assert form.field("task.contour_width").is_shown

    form.field("task.contour_width").enter(2)
    assert not form.field("task.contour_width").is_shown


def test_what_auto_means_follows_the_kind(form):
    assert "Dice" in form.field("compile.metrics").chosen_box.children[0].value

    choose(form, "epyseg")

    assert "Average precision" in form.field("compile.metrics").chosen_box.children[0].value
    assert CHOOSE in dict(form.field("compile.metrics").widget.options)


# the choice itself


@pytest.mark.feature(144)
@pytest.mark.parametrize("kind", TASKS)
def test_a_kind_is_chosen_by_its_picture_and_explained_in_a_sentence(form, kind):
    field = form.field("task.kind")

    field.buttons[kind].click()

    assert form.config.task.kind == kind
    assert [name for name, button in field.buttons.items() if "nbt-kind-chosen" in button._dom_classes] == [kind]
    assert TASKS[kind].help.split(";")[0][:20] in field.help_text.value
    assert TASKS[kind].title in field.buttons[kind].tooltip


def test_the_kind_stands_above_the_panels_and_in_none_of_them(form):
    field = form.field("task.kind")

    assert form.box.children[0] is field.box
    assert all(field.box not in panel.body.children for panel in form.panels)


def test_every_kind_has_a_picture_of_its_own():
    assert set(glyphs.GLYPHS) == set(TASKS)
    for kind, glyph in glyphs.GLYPHS.items():
        assert "{" not in glyphs.as_url(glyph, style._glyph_colours())
        assert f"nbt-kind-{kind} " in style.sheet()


def test_every_setting_stands_under_one_heading_and_those_of_the_data_under_four():
    assert [title for title, _ in groups("data")][1:] == list(DATA_HEADINGS)
    for section in sections():
        grouped = [row.path for _, rows in groups(section) for row in rows]
        assert sorted(grouped) == sorted(row.path for row in ROWS if row.section == section)


def test_parameters_show_beside_the_choice_that_they_belong_to(form):
    parameters = ("loss_smoothing", "tversky_alpha", "focal_gamma", "milestones", "power", "momentum")

    def shown():
        return {name for name in parameters if form.field(f"compile.{name}").is_shown}

    assert shown() == {"loss_smoothing"}
    form.field("compile.loss").enter("tversky")
    form.field("compile.schedule").enter("steps")
    assert shown() == {"loss_smoothing", "tversky_alpha", "milestones"}
    form.field("compile.loss").enter("auto")
    choose(form, "instance_flow")
    form.field("compile.optimizer").enter("sgd")
    assert shown() == {"milestones", "momentum"}
