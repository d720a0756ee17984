"""The command line: `main` holds the commands, `prepare` those that lay data out, `console` what is printed."""
