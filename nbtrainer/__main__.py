"""`python -m nbtrainer` is the command line."""

from nbtrainer.cli.main import main

main()
