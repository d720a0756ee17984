"""`python -m nbtrainer` is the command line."""

from nbtrainer.cli import main

main()
