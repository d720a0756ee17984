import doctest

from nbtrainer import wording


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(wording) == (0, 3)
