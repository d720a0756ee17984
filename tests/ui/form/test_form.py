"""The form against the config: each setting goes in and out, and a wrong value is answered beside its field."""

import pytest

from nbtrainer.config import TRANSFORMS, Config
from nbtrainer.config.describe import settings
from nbtrainer.errors import Finding
from nbtrainer.ui.form.field_help import tooltip
from nbtrainer.ui.form.field_values import format_value, parse_value, when_empty
from nbtrainer.ui.form.panels import groups

ROWS = settings()
TYPED = [row for row in ROWS if row.kind in ("int", "float", "text", "path", "numbers")]


def row_of(path):
    return next(row for row in ROWS if row.path == path)


def field_of(form, row):
    """The field of `row`, also where kinds of segmentation each have a setting of this name."""
    panel = next(panel for panel in form.panels if panel.holds(row.path))
    panel.build()
    (field,) = (field for field in panel.fields if field.setting is row or field.setting == row)
    return field


def name_of(row):
    return f"{row.path} of {row.kinds[0]}" if row.kinds else row.path


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_setting_has_a_field_that_shows_what_the_config_says(shared_form, row):
    field = field_of(shared_form, row)

    assert field.value == row.value_in(shared_form.config)
    assert field.finding is None


@pytest.mark.feature(144)
@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_setting_explains_itself_in_the_form(shared_form, row):
    field = field_of(shared_form, row)

    field.show_view(is_complete=True, is_helping=True)

    assert row.help
    assert field.help_text.layout.display is None
    assert len(field.help_text.value) > 20


@pytest.mark.parametrize("row", TYPED, ids=lambda row: row.path)
def test_what_a_text_field_shows_is_read_back_as_the_same_value(row):
    assert parse_value(row, format_value(row, row.default)) == row.default


def _others(row):
    """Right values of `row` other than its default."""
    match row.kind:
        case "bool":
            return [not row.default]
        case "choice":
            return [value for value in row.choices if value not in (row.default, "custom")][:1]
        case "choices":
            return [list(row.choices)[:2]]
        case "numbers":
            return [[64, 64]] if row.path == "sampling.patch_size" else [[0.25]] if row.below == 1 else [[2, 3]]
        case "int" | "float":
            low = row.minimum if row.minimum is not None else row.above or 0
            return [int(low) + 1 if row.integer else low + 0.125]
        case "text":
            return ["cpu"]
        case "path":
            return ["some/where"]
    return []


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_is_entered_reaches_the_config_and_can_be_set_back(shared_form, row):
    shared_form.field("task.kind").enter(row.kinds[0] if row.kinds else "binary")
    field = field_of(shared_form, row)
    before = field.value
    for other in _others(row):
        field.enter(other)

        assert row.value_in(shared_form.config) == other
        if other != before:
            assert field.reset_button.layout.visibility == "visible"
            field.restore_default()
        assert row.value_in(shared_form.config) == before
        assert field.reset_button.layout.visibility == "hidden"


@pytest.mark.parametrize(
    ("path", "words", "sentence"),
    [
        ("training.epochs", "many", "is not a whole number"),
        ("training.epochs", "0", "0 is too small. Give 1 or more"),
        ("training.epochs", "2.5", "is not a whole number"),
        ("training.epochs", "", "is not a whole number"),
        ("compile.learning_rate", "-1", "is too small"),
        ("data.validation_fraction", "1.5", "is too large"),
        ("sampling.patch_size", "64", "too few entries"),
        ("sampling.patch_size", "64, wide", "is not a whole number"),
        ("output.name", "a/b", "cannot be the name of a folder"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field_and_the_config_keeps_the_right_one(form, path, words, sentence):
    field = form.field(path)
    before = row_of(path).value_in(form.config)

    field.widget.value = words

    assert sentence in field.message.value.replace("&#x27;", "'")
    assert 'role="alert"' in field.message.value
    assert row_of(path).value_in(form.config) == before
    assert field.widget.value == words
    panel = form.panel_of(Finding(where=path, wrong=""))
    assert "1 wrong" in panel.summary_line.value
    assert [finding.where.partition("[")[0] for finding in form.refused_entries()] == [path]


def test_the_nearest_right_value_can_be_pressed(form):
    field = form.field("training.batch_size")
    field.widget.value = "0"

    _, offer = field.suggestion_buttons.children
    offer.click()

    assert offer.description == "1"
    assert form.config.training.batch_size == 1
    assert field.finding is None
    assert form.refused_entries() == []


def test_right_values_that_a_finding_names_can_be_pressed(form):
    suggestions = ((96, 96), (104, 104))
    finding = Finding(where="sampling.patch_size", wrong="100 does not suit the network", suggestions=suggestions)
    form.show_findings([finding])
    field = form.field("sampling.patch_size")

    assert [offer.description for offer in field.suggestion_buttons.children[1:]] == ["96, 96", "104, 104"]


@pytest.mark.parametrize(
    ("path", "finding", "descriptions"),
    [
        ("training.device", Finding(where="training.device", wrong="x", suggestions=("auto", "cpu")), ["auto", "cpu"]),
        ("training.threads", Finding(where="training.threads", wrong="x", suggestions=(None, 4)), ["not set", "4"]),
        ("sampling.patch_size", Finding(where="sampling.patch_size[1]", wrong="x", suggestions=(32,)), ["256, 32"]),
        ("training.batch_size", Finding(where="training.batch_size", wrong="x", suggestions=(0,)), ["1"]),
    ],
)
def test_what_is_suggested_fits_the_setting(form, path, finding, descriptions):
    form.config.sampling.patch_size = [256, 256]
    field = form.field(path)

    field.show_findings(finding)

    assert [button.description for button in field.suggestion_buttons.children[1:]] == descriptions


def test_an_error_of_the_check_opens_its_panel_and_a_new_value_clears_it(form):
    form.show_findings([Finding(where="training.device", wrong="'gpu' is not a device", remedy="Choose auto or cpu")])
    panel = form.panel_of(Finding(where="training.device", wrong=""))

    assert panel.is_open
    assert "1 wrong" in panel.summary_line.value
    # an advanced setting is shown in the simple view too, as long as something is wrong with it
    assert form.field("training.device").box.layout.display is None

    form.field("training.device").enter("cpu")
    assert "wrong" not in panel.summary_line.value


def test_a_finding_about_a_file_stands_beside_the_folder_that_holds_it(form):
    form.use_samples()
    file = f"{form.config.data.datasets[0].labels}/nuclei_00.tif"

    form.show_findings([Finding(where=file, wrong="it holds values that are not whole numbers")])

    labels = form.field("data.datasets").fields[1]
    assert "In nuclei_00.tif: it holds values" in labels.message.value


@pytest.mark.feature(28)
def test_data_sets_are_added_and_removed(form):
    field = form.field("data.datasets")
    field.enter([*field.value, {}])
    field.enter([*field.value, {}])
    images = [entry.fields[0] for entry in field.entries]

    images[1].enter("second")
    field.remove(0)

    assert [dataset.images for dataset in form.config.data.datasets] == ["second", ""]
    assert [entry.fields[0].widget.value for entry in field.entries] == ["second", ""]


@pytest.mark.feature(76)
def test_augmentation_steps_are_added_edited_and_removed_and_make_the_strength_custom(form):
    field, strength = form.field("augmentation.steps"), form.field("augmentation.strength")
    count = len(field.value)

    field.kind_menu.value = "blur"
    field.enter([*field.value, {"kind": "blur"}])
    sigma = next(inner for inner in field.fields if inner.setting.name == "sigma")
    sigma.widget.value = "3"

    assert form.config.augmentation.steps[-1].sigma == 3
    assert form.config.augmentation.strength == "custom"
    assert strength.widget.value == "custom"

    field.remove(count)
    assert len(form.config.augmentation.steps) == count
    assert form.config.augmentation.strength == "standard"


@pytest.mark.feature(76)
def test_the_menu_of_changes_offers_every_kind_and_help_says_what_each_does(form):
    field = form.field("augmentation.steps")
    assert [kind for _, kind in field.kind_menu.options[1:]] == list(TRANSFORMS)

    field.enter([{"kind": kind} for kind in TRANSFORMS])
    field.show_view(is_complete=True, is_helping=True)
    for entry in field.entries:
        assert entry.help_text.layout.display != "none"
        assert ("Safe for outlines one pixel wide" in entry.help_text.value) == entry.values.is_safe

    field.show_view(is_complete=True, is_helping=False)
    assert all(entry.help_text.layout.display == "none" for entry in field.entries)


def test_a_strength_brings_its_list_into_the_form(form):
    form.field("augmentation.steps")

    form.field("augmentation.strength").enter("light")

    assert [entry.values.kind for entry in form.field("augmentation.steps").entries] == [
        "flip",
        "rotate90",
        "intensity",
    ]


@pytest.mark.feature(17)
def test_metrics_are_added_to_those_that_auto_means_and_removed_and_none_means_auto(form):
    field = form.field("compile.metrics")
    assert "auto: Dice" in field.chosen_box.children[0].value
    assert field.add_button.disabled
    field.widget.value = "recall"
    field.add_button.click()
    assert form.config.compile.metrics == ["dice", "iou", "recall"]
    assert field.widget.value == ""

    field.remove("iou")
    field.remove("dice")
    assert form.config.compile.metrics == ["recall"]

    field.remove("recall")
    assert form.config.compile.metrics == "auto"


def test_menus_that_add_something_begin_with_nothing_chosen(form):
    field = form.field("augmentation.steps")
    count = len(field.value)
    assert (field.kind_menu.label, field.kind_menu.value) == ("choose …", "")

    field.add_entry()
    assert len(field.value) == count
    field.kind_menu.value = "blur"
    field.add_entry()

    assert [step.kind for step in field.value][count:] == ["blur"]
    assert field.kind_menu.value == ""


def test_the_settings_of_the_data_stand_under_subheads_each_once():
    grouped = [row.path for _, rows in groups("data") for row in rows]

    assert sorted(grouped) == sorted(row.path for row in ROWS if row.section == "data")
    assert [title for title, rows in groups("data") if rows] == [
        "Images and labels",
        "Split",
        "How files are read",
        "Preparation",
    ]


def test_a_subhead_is_hidden_while_nothing_stands_under_it(form):
    panel = form.panels[0]
    panel.build()

    def seen():
        return [head.value for head, _ in panel.groups if head.layout.display is None]

    assert len(seen()) == 2
    form.show_view(is_complete=True, is_helping=False)
    assert len(seen()) == 4


def test_advanced_settings_appear_in_the_complete_view_only(form):
    seed, epochs = form.field("training.seed"), form.field("training.epochs")
    assert seed.box.layout.display == "none"

    form.show_view(is_complete=True, is_helping=False)

    assert seed.box.layout.display is None
    assert epochs.box.layout.display is None


def test_another_config_replaces_what_the_form_shows(form):
    epochs = form.field("training.epochs")

    form.load(Config.preset("epyseg"), base=Config.preset("epyseg"))

    assert epochs.widget.value == "100"
    assert epochs.reset_button.layout.visibility == "hidden"


def test_tooltips_hold_help_range_unit_and_default():
    words = tooltip(row_of("training.max_minutes"), 1.5)

    assert "Ends the run after this time" in words
    assert "above 0 minutes" in words
    assert "Default: 1.5" in words


def test_an_empty_field_says_what_that_means():
    assert when_empty(row_of("output.name")).startswith("the next free of run-001")
    assert when_empty(row_of("training.max_minutes")) == "not set"
    assert when_empty(row_of("model.input_channels")) == "auto"


@pytest.mark.feature(63)
def test_what_to_think_of_before_annotating_stands_above_the_data_sets(form):
    words = form.field("data.datasets").box.children[0].value

    assert "<summary>Before you choose: bias, time, supplemental channels, labels</summary>" in words
    for heading, sentence in (
        ("Bias", "carries along every bias"),
        ("Time", "ten times as long"),
        ("Supplemental channels", "membrane dye"),
        ("Labels", "Leave out no object"),
    ):
        assert f"<b>{heading}.</b>" in words
        assert sentence in words


@pytest.mark.feature(83)
def test_the_rule_of_thumb_stands_where_augmentation_is_chosen(form):
    assert "5 images with more than 10 patches each" in form.field("augmentation.strength").box.children[0].value


@pytest.mark.feature(145)
@pytest.mark.parametrize(
    ("loss", "address"),
    [
        ("dice", "https://arxiv.org/abs/1606.04797"),
        ("focal", "https://arxiv.org/abs/1708.02002"),
        ("dice_focal", "https://arxiv.org/abs/1808.05238"),
        ("generalized_dice", "https://arxiv.org/abs/1707.03237"),
        ("dice_ce", "https://doi.org/10.1038/s41592-020-01008-z"),
        ("tversky", "https://arxiv.org/abs/1706.05721"),
    ],
)
def test_the_chosen_loss_links_to_its_reference(form, loss, address):
    field = form.field("compile.loss")

    field.enter(loss)

    assert f'<a href="{address}" target="_blank"' in field.help_text.value
    assert field.help_text.layout.display is None


@pytest.mark.feature(145)
def test_help_links_to_the_references_of_all_losses_that_suit(form):
    form.field("task.kind").enter("semantic")
    loss = form.field("compile.loss")
    loss.show_view(is_complete=True, is_helping=True)

    assert "https://doi.org/10.1038/s41592-020-01008-z" in loss.help_text.value  # Dice + cross-entropy
    assert "https://arxiv.org/abs/1711.08506" not in loss.help_text.value  # of the kind without labels


def test_every_listed_metric_links_to_its_reference(form):
    field = form.field("compile.metrics")
    field.enter(["dice", "iou"])

    links = [line.children[1].value for line in field.chosen_box.children]
    assert ["F-score" in links[0], "Jaccard_index" in links[1]] == [True, True]


def test_a_share_may_be_typed_as_a_percentage(form):
    form.field("data.validation_fraction").widget.value = "25%"
    form.field("normalization.outliers_percent").widget.value = "2 %"

    assert form.config.data.validation_fraction == 0.25
    assert form.config.normalization.outliers_percent == 2
    form.config.set("data.validation_fraction", "10%")
    assert form.config.data.validation_fraction == 0.1
