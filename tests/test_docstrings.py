"""Docstrings name the arguments that there are."""

import ast
import re
from pathlib import Path

import nbtrainer

PACKAGE = Path(nbtrainer.__file__).parent
# the section, up to the next one
_SECTION = re.compile(r"\nParameters\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", re.DOTALL)
# what an entry looks like: names at the margin, then its text
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?= :|\n    )", re.MULTILINE)


def _arguments(node):
    if isinstance(node, ast.ClassDef):
        inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        fields = {each.target.id for each in node.body if isinstance(each, ast.AnnAssign)}
        return fields.union(*map(_arguments, inits))
    given = node.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {each.arg for each in named if each is not None}


def _entries(node):
    section = _SECTION.search(ast.get_docstring(node) or "")
    for entry in _ENTRY.findall(section[1]) if section else ():
        yield from (name.strip("* ") for name in entry.split(","))


def test_every_parameter_that_a_docstring_explains_is_an_argument():
    explained, strangers = 0, []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = set(_entries(node))
                explained += len(names)
                strangers += [f"{file.name}:{node.name} explains {name}" for name in names - _arguments(node)]
    assert strangers == []
    assert explained > 100
