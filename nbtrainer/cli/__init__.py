"""The command line."""

from nbtrainer.cli.main import main

__all__ = ["main"]
