"""Commands about the data: `check`, `pairs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbtrainer.cli import console as cli_console
from nbtrainer.cli.settings import read_config
from nbtrainer.disk import write_json
from nbtrainer.wording import count_noun

if TYPE_CHECKING:
    from nbtrainer.config import Config
    from nbtrainer.errors import Finding


def check(
    config: Annotated[Path, typer.Argument(help="A config.json, or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended, in copies; new settings beside the old.")
    ] = False,
    fix_all: Annotated[
        bool, typer.Option("--fix-all", help="As --fix; also leave out images that are only odd, and crop sparse ones.")
    ] = False,
) -> None:
    """Look for everything that is wrong or odd about data and settings, without training."""
    configured = read_config(config, settings)
    findings = _print_findings(configured)
    if (fix or fix_all) and any(finding.fix for finding in findings):
        findings = _fix_and_check_again(config, configured, fix_all)
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        print(f"nbtrainer: {errors[0]}{more}", file=sys.stderr)
        raise typer.Exit(2)


def pairs(
    config: Annotated[Path, typer.Argument(help="A config.json, or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the table to this file too.")] = None,
) -> None:
    """List every image with its label: size, type, pixel size, objects, and whether it trains or validates."""
    from nbtrainer import api

    rows = api.pairs(read_config(config, settings))
    table = cli_console.table("image", "label", "size", "type", "pixel size (µm)", "objects", "split", "")
    for row in rows:
        marks = [
            "paired by order" if row["by_order"] else "",
            "estimated" if row["estimated"] else "",
            row["problem"],
        ]
        channels = f" x {row['channels']} channels" if row["channels"] > 1 else ""
        table.add_row(
            row["name"],
            Path(row["label"]).name,
            " x ".join(map(str, row["shape"])) + channels,
            row["dtype"],
            "" if row["spacing"] is None else " x ".join(f"{length:.4g}" for length in row["spacing"]),
            "" if row["objects"] is None else f"{row['objects']:,}",
            row["split"],
            ", ".join(filter(None, marks)),
        )
    cli_console.console().print(table)
    classes = {value: name for row in rows for value, name in zip(row["classes"], row["class_names"], strict=False)}
    if classes:
        print(f"classes of the outlines: {', '.join(f'{value} {classes[value]}' for value in sorted(classes))}")
    if json_file:
        write_json(json_file, rows, "json", indent=2, default=list)


def _print_findings(config: Config) -> list[Finding]:
    """The findings of a check, printed, with the progress of a long one."""
    from nbtrainer import api

    findings = api.check(config, _progress if sys.stderr.isatty() else None)
    for finding in findings:
        title = api.fix_title(finding)
        print(f"{finding.level}: {finding}" + (f" [--fix: {title}]" if title else ""))
    errors = sum(finding.level == "error" for finding in findings)
    print(f"{count_noun(errors, 'error')}, {count_noun(len(findings) - errors, 'warning')}")
    return findings


def _progress(done: int, of: int) -> None:
    print(f"\rchecking {done}/{of}" if done < of else "\r\x1b[K", end="", file=sys.stderr, flush=True)


def _fix_and_check_again(source: Path, config: Config, also_leave_out: bool) -> list[Finding]:
    """What is left to find after every repair; the edited settings are saved beside `source`."""
    from nbtrainer import api

    print("\nmending:")
    sentences = api.fix_all(config, also_leave_out)
    for sentence in sentences:
        print(f"  {sentence}")
    if not sentences:
        print("  nothing; --fix-all also leaves out images that are only odd")
        return api.check(config)
    folder = source if source.is_dir() else source.parent
    target = folder / f"{'config' if source.is_dir() else source.stem}_repaired.json"
    config.save(target)
    print(f"the settings with these repairs are in {target}\n\nwhat is left:")
    return _print_findings(config)
