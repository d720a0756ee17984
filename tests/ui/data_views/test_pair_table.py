"""The pair table, the histogram and the findings, without a browser."""

import pytest
from small_api import SmallApi

from nbtrainer.config import Config
from nbtrainer.errors import Finding
from nbtrainer.ui.background import LatestOnly, run_inline
from nbtrainer.ui.data_views.histogram import HistogramView
from nbtrainer.ui.data_views.pair_table import PAGE, PairTable, content, in_order, spacing, summarize
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.findings import FindingsList, pictures_of
from nbtrainer.ui.form.findings import summarize as summed_findings
from nbtrainer.ui.form.form import Form


@pytest.fixture
def config(nuclei):
    made = Config.preset("binary_2d")
    made.data.datasets = [nuclei]
    return made


@pytest.fixture
def table(config):
    api = SmallApi()
    made = PairTable(lambda: config, api, run_inline, Errors().guard)
    made.api = api
    return made


def row(number, **values):
    return {
        "image": f"/data/img_{number}.tif",
        "label": f"/data/lab_{number}.tif",
        "name": f"img_{number}.tif",
        "dataset": 0,
        "split": "train",
        "shape": (512, 500),
        "channels": 1,
        "dtype": "uint8",
        "spacing": (0.5, 0.5),
        "objects": 41,
        "classes": (1, 2, 3),
        "estimated": False,
        "by_order": False,
        "problem": "",
    } | values


class ManyImages(SmallApi):
    """A api to 45 images that were not read."""

    def pairs(self, config):
        return [row(number) for number in range(45)]

    def thumbnail(self, config, index, size=96, outlines=True, whole=False):
        import numpy as np

        self.asked.append(index)
        return np.zeros((4, 4, 3), np.uint8), 1.0


def test_the_table_is_read_when_it_is_asked_for_and_not_before(table):
    assert table.api.asked == []
    assert table.content.layout.display == "none"

    table.open_button.click()

    assert table.api.asked == ["pairs"]
    assert "nuclei_00.tif" in table.table.value
    assert "256 × 256" in table.table.value
    assert "uint16" in table.table.value
    assert "4 images" in table.summary_line.value and "3 to train, 1 to validate" in table.summary_line.value


def test_an_edit_makes_the_table_old_but_reads_nothing(table):
    table.mark_stale()
    assert table.stale_note.layout.display == "none"
    table.open_button.click()

    table.mark_stale()

    assert table.stale_note.layout.display is None
    assert table.api.asked == ["pairs"]
    table.reload_button.click()
    assert table.stale_note.layout.display == "none"
    assert table.api.asked == ["pairs", "pairs"]


def test_the_table_can_be_searched(table):
    table.open_button.click()

    table.search_field.value = "_11"

    assert "nuclei_11.tif" in table.table.value
    assert "nuclei_00.tif" not in table.table.value
    table.search_field.value = "validation"
    assert table.table.value.count("<tr title") == 1
    table.search_field.value = "nothing like it"
    assert "nothing is found" in table.position_line.value


def test_twenty_rows_make_a_page(config):
    table = PairTable(lambda: config, ManyImages(), run_inline, Errors().guard)
    table.open_button.click()
    assert table.table.value.count("<tr title") == PAGE
    assert "1 to 20 of 45" in table.position_line.value
    assert table.previous_button.disabled

    table.next_button.click()
    table.next_button.click()

    assert "41 to 45 of 45" in table.position_line.value
    assert table.next_button.disabled


def test_pictures_are_read_when_asked_for_and_only_for_the_rows_of_the_page(config):
    api = ManyImages()
    table = PairTable(lambda: config, api, run_inline, Errors().guard)
    table.open_button.click()
    assert api.asked == []

    table.thumbnail_switch.value = True

    assert api.asked == list(range(PAGE))
    assert table.table.value.count("data:image/png;base64,") == PAGE
    table.thumbnail_switch.value = False
    assert "data:image" not in table.table.value


def test_pictures_belong_to_the_settings_that_the_table_was_read_with(table, config):
    table.open_button.click()
    config.data.datasets[0].exclude = ["nuclei_00.tif"]
    table.thumbnail_switch.value = True

    assert table.snapshot.data.datasets[0].exclude == []
    assert len(table.thumbnails) == 4


def test_a_mistake_of_the_settings_is_told_in_the_place_of_the_table(table, config):
    config.data.datasets[0].labels = "nowhere"

    table.open_button.click()

    assert "nowhere" in table.reading.words.value
    assert "nbt-wrong" in table.reading.words.value


def test_rows_to_look_at_stand_first():
    rows = [row(0), row(1, by_order=True), row(2, problem="it is damaged")]

    assert [index for index, _ in in_order(rows)] == [2, 1, 0]
    assert "✕ 1 with a problem" in summarize(rows)
    assert "▲ 1 paired by order" in summarize(rows)


def test_marks_and_estimates_are_seen(config):
    class Odd(SmallApi):
        def pairs(self, config):
            return [row(0, by_order=True), row(1, problem="<it> is damaged"), row(2, estimated=True)]

    table = PairTable(lambda: config, Odd(), run_inline, Errors().guard)
    table.open_button.click()

    assert "the names differ" in table.table.value
    assert "&lt;it&gt; is damaged" in table.table.value
    assert "≈ 41 objects" in table.table.value
    assert "≈ 123 objects" in table.summary_line.value


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"objects": 1234}, "1,234 objects"),
        ({"objects": 1, "classes": (255,)}, "value 255"),
        ({"objects": 3, "classes": (1, 2, 3)}, "3 values: 1, 2, 3"),
        ({"objects": 0, "classes": ()}, "empty"),
        ({"objects": None}, ""),
    ],
)
def test_content_is_said_in_words(values, words):
    assert content(row(0, **values)) == words


def test_an_image_without_a_label_says_so():
    assert content(row(0, label="", objects=None, classes=())) == "no label"


def test_pixel_sizes_are_said_once_where_they_are_equal():
    assert spacing((0.5, 0.5)) == "0.5 µm"
    assert spacing((2.0, 0.32, 0.32)) == "2 × 0.32 × 0.32 µm"
    assert spacing(None) == ""


def test_of_two_tasks_for_one_place_only_the_newer_is_shown():
    waiting, seen = [], []
    latest = LatestOnly(lambda words, task: waiting.append(task))
    latest.start("reading", lambda: "old", seen.append)
    latest.start("reading", lambda: "new", seen.append)

    for task in reversed(waiting):
        task()()

    assert seen == ["new"]
    assert latest.words.layout.display == "none"


# the histogram


@pytest.fixture
def histogram(config):
    api = SmallApi()
    made = HistogramView(lambda: config, api, run_inline, Errors().guard)
    made.api = api
    return made


def test_the_histogram_is_measured_when_it_is_shown_and_after_edits_while_it_is(histogram, config):
    histogram.renew()
    assert histogram.api.asked == []

    histogram.open_button.click()
    assert histogram.api.asked == ["pairs", "histogram 0"]
    before, after = histogram.plots["before"], histogram.plots["after"]
    assert before.area.x.max() > 100 > after.area.x.max()
    assert before.area.y.max() == 1

    config.normalization.method = "max"
    histogram.renew()
    assert histogram.api.asked[2:] == ["pairs", "histogram 0"]
    histogram.image_menu.value = 2
    assert histogram.api.asked[-1] == "histogram 2"

    histogram.open_button.click()
    histogram.renew()
    assert histogram.api.asked[-1] == "histogram 2"


def test_an_edit_of_the_normalization_renews_the_histogram_in_the_form(config):
    api = SmallApi()
    form = Form(config, base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None, api=api)
    form.histogram.open_button.click()
    asked = len(api.asked)

    form.field("training.epochs").enter(3)
    assert len(api.asked) == asked
    form.field("normalization.method").enter("max")

    assert api.asked[asked:] == ["pairs", "histogram 0"]


# findings


def listed(findings, pictures=None):
    made = FindingsList(Errors().guard, lambda _: "1 Data", lambda _: None, lambda _: "Mend it", pressed.append)
    made.show_message(findings, pictures)
    return made


pressed: list[Finding] = []


def test_a_finding_that_can_be_mended_has_a_button_and_others_have_none():
    pressed.clear()
    mendable = Finding(where="a", wrong="bad", fix="colours")
    shown = listed([mendable, Finding(where="b", wrong="worse")])
    (button,) = shown.fix_buttons

    button.click()

    assert button.description == "Mend it"
    assert pressed == [mendable]
    shown.can_fix(False)
    assert button.disabled


def test_edits_make_findings_old_and_only_a_new_check_takes_them_away():
    shown = listed([Finding(level="warning", where="a", wrong="odd")])

    shown.mark_stale()
    shown.mark_stale()

    assert shown.summary_line.value.count("Settings have changed since") == 1
    assert len(shown.rows.children) == 1
    shown.show_message([], fine=True)
    assert len(shown.rows.children) == 0
    assert "Nothing is wrong" in shown.summary_line.value


def test_findings_are_summed_up():
    errors, warnings = [Finding(where="a", wrong="b")] * 2, [Finding(level="warning", where="a", wrong="c")]

    assert "2 wrong, 1 to look at" in summed_findings(errors + warnings)


def test_findings_about_files_of_the_table_have_pictures(config, nuclei):
    by_files = Finding(where="data.datasets", wrong="a", files=(f"{nuclei['labels']}/nuclei_01.tif",))
    by_where = Finding(where=f"{nuclei['images']}/nuclei_10.tif", wrong="b")
    neither = Finding(where="training.epochs", wrong="c")
    api = SmallApi()

    pictures = pictures_of([by_files, by_where, neither], config, api)

    assert set(pictures) == {by_files, by_where}
    assert api.asked == ["pairs", "thumbnail 1", "thumbnail 2"]
    assert pictures[by_files].startswith(b"\x89PNG")
    row_box = listed([by_files], pictures).rows.children[0]
    assert any("data:image/png" in getattr(child, "value", "") for child in row_box.children)
