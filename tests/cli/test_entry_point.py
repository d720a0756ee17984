"""The command `nbtrainer` as installations of any time call it."""

from importlib.metadata import entry_points


def test_the_entry_point_is_a_function_of_the_package():
    (command,) = entry_points(group="console_scripts", name="nbtrainer")
    assert callable(command.load())


def test_the_package_is_called_by_its_function():
    import nbtrainer.cli

    assert callable(nbtrainer.cli.main)
