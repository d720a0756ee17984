"""The dashboard of real journals: what stands in it, that it grows, and that it stays cheap."""

import pytest
from journals import add, begun, epoch, write_run

from nbtrainer.runs import attach, events
from nbtrainer.ui.dashboard import Board, Dashboard, log
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.story import LogLine


@pytest.fixture
def ended(tmp_path):
    happened = [*begun(), *epoch(1, 0.5, 1.0), events.Warned(text="a <b>bold</b> warning"), *epoch(2, 0.8, 0.7)]
    return attach(
        write_run(tmp_path, [*happened, events.Finished(step=20, reason="all steps done", elapsed_seconds=10)]).path
    )


def board_of(run):
    board = Board(Errors().guard)
    board.watch(run)
    return board


@pytest.mark.feature(136, 143)
def test_an_ended_run_is_shown_with_its_numbers_curves_and_pictures(ended):
    board = board_of(ended)

    assert board.flush()
    assert "finished" in board._progress.value
    assert "0.800" in board._tiles.value
    assert "Otsu&#x27;s threshold" in board._tiles.value
    assert board._loss._training.x.tolist() == [0.25, 0.75, 1.25, 1.75]
    assert board._metric._validation.y.tolist() == [0.5, 0.8]
    assert board._metric._best.x.tolist() == [2]
    assert set(board._metric._baseline.y.tolist()) == {0.71}
    assert board._preview._image.value == (ended.directory / "previews" / "epoch-0002.png").read_bytes()


@pytest.mark.feature(139)
def test_the_log_speaks_sentences_newest_first_with_warnings_above_and_escapes_them(ended):
    board = board_of(ended)
    board.flush()

    words = board._log.value
    assert "a &lt;b&gt;bold&lt;/b&gt; warning" in words
    assert words.index("warning") < words.index("finished: all steps done") < words.index("epoch 1:")


def test_the_public_dashboard_of_an_ended_run_needs_no_timer(ended):
    dashboard = Dashboard(ended)

    assert dashboard._board.is_over
    assert dashboard._driver._stop is None


@pytest.mark.feature(136)
def test_curves_and_pictures_grow_while_the_run_goes_on(tmp_path):
    directory = write_run(tmp_path, [*begun(), *epoch(1, 0.5, 1.0)])
    board = board_of(attach(directory.path))
    assert not board.flush()
    assert len(board._metric._validation.x) == 1

    add(directory, epoch(2, 0.6, 0.9))

    assert not board.flush()
    assert "training" in board._progress.value
    assert len(board._metric._validation.x) == 2
    assert board._preview._slider.value == 2


def test_who_looks_back_is_not_torn_away_by_a_new_picture(tmp_path):
    directory = write_run(tmp_path, [*begun(), *epoch(1, 0.5, 1.0), *epoch(2, 0.6, 0.9)])
    board = board_of(attach(directory.path))
    board.flush()
    board._preview._slider.value = 1

    add(directory, epoch(3, 0.7, 0.8))
    board.flush()

    assert board._preview._slider.value == 1
    assert board._preview._image.value == (directory.path / "previews" / "epoch-0001.png").read_bytes()


def test_another_metric_can_be_chosen_for_the_second_curve(ended):
    board = board_of(ended)
    board.flush()

    board._menu.value = "iou"

    assert board._metric._validation.y.tolist() == [0.25, 0.4]


def test_a_flush_that_finds_nothing_new_sends_nothing(tmp_path):
    board = board_of(attach(write_run(tmp_path, [*begun(), *epoch(1, 0.5, 1.0)]).path))
    board.flush()
    sent = []
    for widget in (board._progress, board._tiles, board._log, board._loss._training, board._preview._image):
        widget.observe(sent.append)

    board.flush()

    assert sent == []


def test_a_second_flush_during_a_first_returns_at_once(ended):
    board = board_of(ended)

    with board._lock:
        assert board.flush() is False

    assert board.flush() is True


def test_an_empty_log_is_nothing():
    assert log([]) == ""
    assert "▲" in log([LogLine(0.0, "look", True)])
