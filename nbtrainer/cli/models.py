"""The command `models`: what there is to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nbtrainer.cli import console as cli_console


def models(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of models; without it, those of others by name.")
    ] = None,
    download: Annotated[
        str, typer.Option(help="Download the model of this name, and print the path of its file.")
    ] = "",
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept its licence without being asked.")
    ] = False,
    catalog: Annotated[
        Path | None, typer.Option(help="A catalog (JSON) of models by name, other than the one of nbtrainer.")
    ] = None,
) -> None:
    """List the models in a folder, or those of others by name; download one of these."""
    from nbtrainer import api

    if download:
        _download(download, accept_licence, catalog)
        return
    if folder is None:
        table = cli_console.table("name", "what", "licence", "page", "download")
        for model in api.named_models(catalog).values():
            offered = "yes" if model.is_offered else "no"
            table.add_row(model.name, model.title, model.licence or "see page", model.page, offered)
        cli_console.console().print(table)
        return
    rows = api.list_models(folder)
    table = cli_console.table("name", "kind", "dim", "channels", "classes", "network", "score", "")
    for row in rows:
        score = "" if row["score"] is None else f"{row['metric']} {row['score']:.4f}"
        counts = ["" if row[key] is None else str(row[key]) for key in ("dim", "channels", "classes")]
        table.add_row(row["name"], row["kind"], *counts, row["network"], score, row["problem"] or row["format"])
    cli_console.console().print(table)


def _download(name: str, accept_licence: bool, catalog: Path | None) -> None:
    from nbtrainer import api

    model = api.named_models(catalog).get(name)
    if model is not None and model.is_offered and not accept_licence and sys.stdin.isatty():
        print(f"{model.title}\nlicence: {model.licence}\npage:    {model.page}\naddress: {model.address}")
        accept_licence = typer.confirm("Do you accept this licence?")
    print(api.download_model(name, accept_licence, catalog, _progress if sys.stderr.isatty() else None))


def _progress(done: int, of: int) -> None:
    share = f"{done / of:.0%}" if of else f"{done / 1e6:.1f} MB"
    print("\r\x1b[K" if done == of else f"\rdownloading {share}", end="", file=sys.stderr, flush=True)
