"""The command line: prints what the api returns; a user's mistake is one message and exit status 2."""

from __future__ import annotations

import sys
import warnings
from typing import Any, TextIO

import typer

from nbtrainer.cli import check, models, networks, predict, prepare, quickstart, train
from nbtrainer.cli import console as cli_console
from nbtrainer.disk_errors import known_disk_error
from nbtrainer.environment import process_rank
from nbtrainer.errors import UserError

app = typer.Typer(
    help="Train segmentation networks on your own images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(quickstart.lab)
app.command()(quickstart.demo)
app.command()(quickstart.presets)
app.command()(train.train)
app.command()(train.resume)
app.command()(train.cross_validate)
app.command()(train.log)
app.command()(train.find_learning_rate)
app.command("networks")(networks.networks)
app.command()(predict.predict)
app.command()(predict.evaluate)
app.command()(models.models)
app.command()(check.check)
app.command()(check.pairs)
app.add_typer(prepare.app, name="prepare")


def main() -> None:
    """Run the command line; exit status 0: done or stopped, 1: the run failed, or memory or disk do not suffice,
    2: a mistake in what was given."""
    try:
        cli_console.print_any_name()
        warnings.showwarning = _print_warning
        # what a command raises as typer.Exit comes back as a number
        status = app(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except UserError as error:
        if not process_rank():  # else rank 0 says it
            print(f"nbtrainer: {error}", file=sys.stderr)
        sys.exit(2 if error.is_mistake else 1)
    except KeyboardInterrupt:
        print("nbtrainer: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        disk_error = known_disk_error(error)
        if disk_error is None:
            raise
        print(f"nbtrainer: {disk_error}", file=sys.stderr)
        sys.exit(2 if disk_error.is_mistake else 1)
    except Exception as error:
        # click's own complaints (an unknown option, a missing argument) have a message and a status
        if not hasattr(error, "format_message"):
            raise
        print(f"nbtrainer: {_sentence(error)} Try nbtrainer --help.", file=sys.stderr)
        sys.exit(2)


def _sentence(error: Any) -> str:
    """What click or typer complain of; typer hands on pydantic's words, which are translated as those of settings are."""
    from pydantic import ValidationError  # half a second, and seldom needed

    from nbtrainer.config.messages import sentence

    if not isinstance(error.__cause__, ValidationError) or getattr(error, "param", None) is None:
        return str(error.format_message())
    detail = error.__cause__.errors(include_url=False)[0]
    wrong, remedy = sentence(detail["type"], detail["input"], detail.get("ctx", {}))
    return f"{max(error.param.opts, key=len)}: {wrong}. {remedy}."


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a sentence, without the line of code that it comes from."""
    print(f"warning: {message}", file=sys.stderr)
