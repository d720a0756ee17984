"""The command `networks`: what each network costs here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from nbtrainer.cli.console import console, progress_bar, table
from nbtrainer.cli.settings import read_config
from nbtrainer.environment import prepare_process


def networks(
    config: Annotated[Path, typer.Argument(help="Settings (JSON), or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A network to try, any number of times; all if not given.")
    ] = None,
) -> None:
    """Try a step of each network: weights, what it sees, memory of a patch and seconds of a step, side by side."""
    prepare_process()
    from nbtrainer import api

    configured = read_config(config, settings)
    with progress_bar("network {task.completed} of {task.total}", to_errors=True) as bar:
        task = bar.add_task("", total=1)
        costs = api.compare_networks(
            configured, only or None, report=lambda done, of: bar.update(task, completed=done, total=of)
        )
    rows = table("network", "weights", "sees (px)", "a patch", "a step")
    for cost in sorted(costs, key=lambda each: (bool(each.obstacle), each.step_seconds)):
        if cost.obstacle:
            rows.add_row(cost.name, cost.obstacle)
            continue
        seconds = "no memory" if math.isinf(cost.step_seconds) else f"{cost.step_seconds:.2g} s"
        sides = " x ".join(map(str, cost.sees))
        rows.add_row(cost.name, f"{cost.weights / 1e6:.2f} M", sides, f"{cost.patch_bytes / 1e6:,.0f} MB", seconds)
    console().print(rows)
