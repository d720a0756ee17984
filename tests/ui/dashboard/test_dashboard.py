"""The dashboard of real journals: what stands in it, that it grows, and that it stays cheap."""

import json

import pytest
from journals import add, begun, epoch, write_run

from nbtrainer.runs import attach, events, sentences
from nbtrainer.ui.dashboard.dashboard import Dashboard, DashboardView
from nbtrainer.ui.dashboard.run_state import LogLine
from nbtrainer.ui.dashboard.summary_html import log_html
from nbtrainer.ui.errors import Errors


@pytest.fixture
def ended(tmp_path):
    happened = [*begun(), *epoch(1, 0.5, 1.0), events.Warned(text="a <b>bold</b> warning"), *epoch(2, 0.8, 0.7)]
    return attach(
        write_run(tmp_path, [*happened, events.Finished(step=20, reason="all steps done", elapsed_seconds=10)]).path
    )


def board_of(run):
    board = DashboardView(Errors().guard)
    board.watch(run)
    return board


@pytest.mark.feature(136, 143)
def test_an_ended_run_is_shown_with_its_numbers_curves_and_pictures(ended):
    board = board_of(ended)

    assert board.flush()
    assert "finished" in board.progress_bar.value
    assert "0.800" in board.score_tiles.value
    assert "Otsu&#x27;s threshold" in board.score_tiles.value
    assert board.loss_curves.training.x.tolist() == [0.25, 0.75, 1.25, 1.75]
    assert board.metric_curves.validation.y.tolist() == [0.5, 0.8]
    assert board.metric_curves.best.x.tolist() == [2]
    assert set(board.metric_curves.baseline.y.tolist()) == {0.71}
    assert board.preview.image.value == (ended.directory / "previews" / "epoch-0002.png").read_bytes()


@pytest.mark.feature(139)
def test_the_log_speaks_sentences_newest_first_with_warnings_above_and_escapes_them(ended):
    board = board_of(ended)
    board.flush()

    words = board.log.value
    assert "a &lt;b&gt;bold&lt;/b&gt; warning" in words
    assert words.index("warning") < words.index("finished: all steps done") < words.index("epoch 1:")


@pytest.mark.feature(138)
def test_the_log_and_its_table_are_saved_when_the_button_is_pressed(ended):
    board = board_of(ended)
    board.flush()

    board.save_button.click()

    (saved,) = ended.directory.glob("log-*.txt")
    assert "finished: all steps done" in saved.read_text()
    assert saved.with_suffix(".csv").read_text().startswith("epoch,step,train_loss")
    assert str(saved) in board.saved_line.value


def test_the_public_dashboard_of_an_ended_run_needs_no_timer(ended):
    dashboard = Dashboard(ended)

    assert dashboard.view.is_over
    assert dashboard.refresh_loop._stop is None


@pytest.mark.feature(136)
def test_curves_and_pictures_grow_while_the_run_goes_on(tmp_path):
    directory = write_run(tmp_path, [*begun(), *epoch(1, 0.5, 1.0)])
    board = board_of(attach(directory.path))
    assert not board.flush()
    assert len(board.metric_curves.validation.x) == 1

    add(directory, epoch(2, 0.6, 0.9))

    assert not board.flush()
    assert "training" in board.progress_bar.value
    assert len(board.metric_curves.validation.x) == 2
    assert board.preview.slider.value == 2


def test_who_looks_back_is_not_torn_away_by_a_new_picture(tmp_path):
    directory = write_run(tmp_path, [*begun(), *epoch(1, 0.5, 1.0), *epoch(2, 0.6, 0.9)])
    board = board_of(attach(directory.path))
    board.flush()
    board.preview.slider.value = 1

    add(directory, epoch(3, 0.7, 0.8))
    board.flush()

    assert board.preview.slider.value == 1
    assert board.preview.image.value == (directory.path / "previews" / "epoch-0001.png").read_bytes()


def test_another_metric_can_be_chosen_for_the_second_curve(ended):
    board = board_of(ended)
    board.flush()

    board.metric_menu.value = "iou"

    assert board.metric_curves.validation.y.tolist() == [0.25, 0.4]


def test_a_flush_that_finds_nothing_new_sends_nothing(tmp_path):
    board = board_of(attach(write_run(tmp_path, [*begun(), *epoch(1, 0.5, 1.0)]).path))
    board.flush()
    sent = []
    for widget in (board.progress_bar, board.score_tiles, board.log, board.loss_curves.training, board.preview.image):
        widget.observe(sent.append)

    board.flush()

    assert sent == []


def test_a_second_flush_during_a_first_returns_at_once(ended):
    board = board_of(ended)

    with board._lock:
        assert board.flush() is False

    assert board.flush() is True


def test_an_empty_log_is_nothing():
    assert log_html([]) == ""
    assert "▲" in log_html([LogLine(0.0, "look", True)])


# scores of every kind


def measured(number, **scores):
    return events.EpochEnded(
        epoch=number, step=number * 10, scores=scores, learning_rate=0.001, elapsed_seconds=number * 5.0
    )


def scores_of(number):
    """What an epoch of objects in classes may measure, with names as the engine writes them."""
    return {
        "train_loss": 1.0,
        "train_loss (contour)": 0.7 / number,
        "train_loss (foreground)": 0.3,
        "validation_loss": 1.2,
        "validation_dice": 0.5,
        "validation_dice (axon)": 0.4 + number / 10,
        "validation_dice (my_iou)": 0.6,
        "validation_variation_of_information": 2.25,
        "validation_splits": 3.0,
    }


@pytest.fixture
def objects(tmp_path):
    start = events.StartScored(scores={"validation_dice": 0.1, "validation_loss": 2.0, "validation_dice (axon)": 0.05})
    baseline = events.BaselineScored(name="Otsu", scores={"validation_dice (axon)": 0.33})
    happened = [*begun()[:2], baseline, start, *(measured(number, **scores_of(number)) for number in (1, 2))]
    return attach(write_run(tmp_path, happened).path)


def test_metrics_of_classes_stand_behind_their_mean_and_losses_in_a_menu_of_their_own(objects):
    board = board_of(objects)
    board.flush()

    assert [label for label, _ in board.metric_menu.options] == [
        *("Dice", "Dice (axon)", "Dice (my_iou)", "IoU", "Variation of information, bits", "Splits, objects"),
    ]
    assert [label for label, _ in board.loss_menu.options] == ["Loss", "Loss (contour)", "Loss (foreground)"]
    assert board.loss_menu.layout.display is None
    assert board.loss_title.layout.display == "none"


def test_the_curve_of_a_class_has_its_start_at_epoch_0_and_its_own_baseline(objects):
    board = board_of(objects)
    board.flush()

    board.metric_menu.value = "dice (axon)"

    assert board.metric_curves.validation.x.tolist() == [0, 1, 2]
    assert board.metric_curves.validation.y.tolist() == pytest.approx([0.05, 0.5, 0.6])
    assert set(board.metric_curves.baseline.y.tolist()) == {0.33}
    assert board.metric_curves.best.x.tolist() == [2]


def test_a_term_of_the_loss_can_be_chosen_and_stays_chosen_while_the_run_goes_on(objects, tmp_path):
    board = board_of(objects)
    board.flush()
    board.loss_menu.value = "loss (contour)"
    assert board.loss_curves.training.y.tolist() == pytest.approx([0.7, 0.35])

    from nbtrainer.runs import RunDirectory

    add(RunDirectory(objects.directory), [measured(3, **scores_of(3), **{"train_loss (new)": 1.0})])
    board.flush()

    assert board.loss_menu.value == "loss (contour)"
    assert len(board.loss_curves.training.y) == 3
    assert len(board.loss_menu.options) == 4


def test_a_loss_without_terms_has_no_menu(ended):
    board = board_of(ended)
    board.flush()

    assert board.loss_menu.layout.display == "none"
    assert board.loss_title.layout.display is None


def test_only_shares_are_said_in_percent():
    said = sentences.sentence(measured(1, **scores_of(1)))

    assert "validation Dice (my_iou) 60.00 %" in said
    assert "validation variation of information 2.2500 bits" in said
    assert "validation splits 3.0000 objects" in said
    assert "loss (contour) 0.7000" in said


def test_the_tiles_say_the_unit_of_a_score(tmp_path):
    import dataclasses

    planned = dataclasses.replace(begun()[1], monitor="validation_variation_of_information", higher_is_better=False)
    run = attach(write_run(tmp_path, [begun()[0], planned, measured(1, **scores_of(1))]).path)
    board = board_of(run)

    board.flush()

    assert "2.250 bits" in board.score_tiles.value


# reports


@pytest.fixture
def reported(tmp_path):
    written = events.ReportWritten(path="report.html", title="worst objects")
    directory = write_run(
        tmp_path, [*begun(), written, events.Finished(step=0, reason="all steps done", elapsed_seconds=1)]
    )
    page = '<html><body><script>alert("no")</script><h1>Worst</h1><table><tr><td>1</td></tr></table></body></html>'
    (directory.path / "report.html").write_text(page, encoding="utf-8")
    return attach(directory.path)


def test_a_report_is_shown_in_the_page_and_taken_away_again(reported):
    board = board_of(reported)
    board.flush()
    (button,) = board.reports.buttons.children
    assert button.description == "Worst objects"
    assert board.reports.page.value == ""

    button.click()

    # in a frame that runs no scripts
    assert '<iframe sandbox="" title="report.html" srcdoc="&lt;html&gt;' in board.reports.page.value
    assert "<script>" not in board.reports.page.value
    assert str(reported.directory / "report.html") in board.reports.page.value

    button.click()
    assert board.reports.page.value == ""


def test_of_a_long_report_the_beginning_is_shown_and_where_the_rest_is(reported, monkeypatch):
    monkeypatch.setattr("nbtrainer.ui.dashboard.reports.MOST_CHARACTERS", 80_000)
    rows = "".join(f"<tr><td>image {number}{'x' * 1000}</td></tr>" for number in range(1000))
    (reported.directory / "report.html").write_text(f"<table>{rows}</table>", encoding="utf-8")
    board = board_of(reported)
    board.flush()

    board.reports.buttons.children[0].click()

    assert "Only its beginning is shown here" in board.reports.page.value
    assert 70_000 < len(board.reports.page.value) < 100_000


def test_a_report_that_was_moved_is_missed_in_a_sentence(reported):
    (reported.directory / "report.html").unlink()
    board = board_of(reported)
    board.flush()

    board.reports.buttons.children[0].click()

    assert "cannot be read" in board.reports.page.value


def test_a_report_outside_of_the_folder_of_the_run_is_not_shown(reported):
    (reported.directory.parent / "private.html").write_text("MY PRIVATE KEY")
    with (reported.directory / "events.jsonl").open("a") as file:
        record = events.ReportWritten(path="../private.html", title="more").as_record()
        file.write(json.dumps(record) + "\n")
    board = board_of(reported)
    board.flush()

    board.reports.buttons.children[-1].click()

    assert "PRIVATE KEY" not in board.reports.page.value
    assert "lies outside of" in board.reports.page.value


def test_a_run_without_reports_shows_no_buttons(ended):
    board = board_of(ended)
    board.flush()

    assert board.reports.box.layout.display == "none"
