"""One of the processes that a run was started with: `python -m nbtrainer.engine.rank_process FOLDER TOKEN new|resumed`.

Through its standard input come the requests of the process that started it, a line each; where that ends, so does the run.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from nbtrainer.engine.distributed import RankGroup, RankLostError, joined_group
from nbtrainer.engine.rank_server import serve
from nbtrainer.engine.ranks import Ranks
from nbtrainer.engine.session import launch
from nbtrainer.runs import RunDirectory
from nbtrainer.runs.owner import Lease
from nbtrainer.runs.session import Session, session_of

# the starter looks ten times a second how its processes are
_SECONDS_TO_EXPLAIN = 3.0
# without the process that started it, a rank is told by rank 0 that the run has ended, or ends by itself
_SECONDS_WITHOUT_STARTER = 120.0


def main(folder: str, *, token: str, resumed: bool) -> int:
    """Take part in the run in `folder`; the exit status."""
    if int(os.environ["RANK"]):
        threading.Thread(target=_end_without_starter, daemon=True).start()
        try:
            serve(joined_group())
        except RankLostError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    directory = RunDirectory(Path(folder))
    lease = Lease.adopt(directory.path, token)
    requests = _Requests()
    group: RankGroup = joined_group()
    group.explain = requests.why_lost
    run = launch(directory, lease, resumed=resumed, ranks=Ranks(group), is_opened=True)
    session = session_of(token, directory.path)
    assert session is not None
    requests.listen(session)
    while not run.wait(timeout=0.5):
        pass
    return 0


class _Requests:
    """What the process that started this one says: that the run is to stop, or that another process is lost."""

    def __init__(self) -> None:
        self._lost = ""
        self._is_explained = threading.Event()

    def listen(self, session: Session) -> None:
        """From now on, in a thread."""
        threading.Thread(target=self._read, args=(session,), name="nbtrainer requests", daemon=True).start()

    def why_lost(self) -> str:
        """How another process ended, once the starter has seen it; empty if it says nothing of it."""
        self._is_explained.wait(_SECONDS_TO_EXPLAIN)
        return self._lost

    def _read(self, session: Session) -> None:
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            if word == "lost":
                self._lost = rest
                self._is_explained.set()
            elif word == "stop":
                how, _, why = rest.partition(" ")
                session.ask_to_stop(now=how == "now", why=why)
        session.ask_to_stop(now=True, why="the program that started it ended")


def _end_without_starter() -> None:
    sys.stdin.read()
    time.sleep(_SECONDS_WITHOUT_STARTER)
    os._exit(1)


if __name__ == "__main__":
    status = main(sys.argv[1], token=sys.argv[2], resumed=sys.argv[3] == "resumed")
    sys.stdout.flush()
    sys.stderr.flush()
    # after a rank is lost, the libraries that connect ranks would wait for it at the end of Python
    os._exit(status)
