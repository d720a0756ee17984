"""What is needed next, made ahead in threads, in order and within a bound."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def prefetch(make: Callable[[int], _T], numbers: range, workers: int, most: int | None = None) -> Generator[_T]:
    """`make(number)` for each of `numbers`, in order; up to two a worker, and at most `most`, are made ahead in threads.

    Threads are enough: reading, warping and changing a patch let go of Python's lock.
    """
    if not workers:
        yield from map(make, numbers)
        return
    ahead_at_most = 2 * workers if most is None else max(1, min(2 * workers, most))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="nbtrainer-patches")
    ahead: list[Future[_T]] = []
    try:
        for number in numbers:
            ahead.append(pool.submit(make, number))
            if len(ahead) > ahead_at_most:
                yield ahead.pop(0).result()
        while ahead:
            yield ahead.pop(0).result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
