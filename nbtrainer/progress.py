"""How far something is, as whoever asked for it wants to know it."""

from collections.abc import Callable

OnProgress = Callable[[int, int], None]
"""Called again and again with what is done, and of how many."""


def report_part(report: OnProgress | None, *, number: int, count: int) -> OnProgress | None:
    """What part `number` of `count` equal ones calls, so that `report` hears of all of them; None where nobody asked.

    >>> report_part(lambda done, of: print(done, "of", of), number=1, count=3)(2, 4)
    6 of 12
    """
    if report is None or count == 1:
        return report
    return lambda done, of: report(number * of + done, count * of)
