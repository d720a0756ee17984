import threading

import pytest

from nbtrainer.errors import UserError
from nbtrainer.runs import RunDirectory
from nbtrainer.runs.stop import clear_stop, read_stop, request_stop


@pytest.fixture
def directory(tmp_path):
    return RunDirectory.create(tmp_path, data_task="task", name="")


def test_many_threads_may_ask_at_once_and_together_they_mean_now(directory):
    failures = []

    def ask():
        try:
            for _ in range(50):
                request_stop(directory)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert read_stop(directory) == "now"
    assert [path.name for path in directory.path.glob("stop*")] == ["stop"]


@pytest.mark.parametrize(("content", "request_"), [(b"now\n", "now"), (b"", "validation"), (b"\xff\xfe", "validation")])
def test_any_file_called_stop_is_a_request(directory, content, request_):
    directory.stop.write_bytes(content)
    assert read_stop(directory) == request_
    clear_stop(directory)
    assert read_stop(directory) == ""


def test_a_folder_called_stop_is_none_and_who_asks_is_told(directory):
    directory.stop.mkdir()
    clear_stop(directory)
    assert read_stop(directory) == ""
    with pytest.raises(UserError, match=r"stop: the request to stop cannot be written \(a folder has this name\)"):
        request_stop(directory, now=True)
    assert list(directory.path.glob("stop.*")) == []


def test_asking_a_folder_that_is_gone_is_told(directory):
    directory.path.rename(directory.path.with_name("moved"))
    with pytest.raises(UserError, match=r"cannot be written \(No such file"):
        request_stop(directory)
