"""The command line: `main` assembles the commands, which stand in a file per group; `console` is what is printed with."""

from nbtrainer.cli.main import main

__all__ = ["main"]
