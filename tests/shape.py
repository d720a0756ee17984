"""`python -m tests.shape`: how large packages, files, classes and functions are, and what tests reach into.

Prints a table and ends with status 1 where a limit is passed, so that CI says so. Read from the syntax trees alone.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "nbtrainer", ROOT / "tests"

MAX_PACKAGE_SHARE = 0.15
MAX_FILE_LINES = 300
MAX_CLASS_LINES = 250
MAX_FUNCTION_LINES = 100
MAX_POSITIONAL = 5
MAX_PRIVATE_ACCESSES = 50
# functions whose arguments may be given by place although there are more than five, with the reason
POSITIONAL_EXCEPTIONS: dict[str, str] = {
    "cli/main.py:_print_warning": "takes the place of warnings.showwarning",
    "cli/predict.py:predict": "typer makes options of them, and calls it by name",
    "cli/predict.py:evaluate": "typer makes options of them, and calls it by name",
    "cli/train.py:find_learning_rate": "typer makes options of them, and calls it by name",
    "cli/prepare.py:prepare": "typer makes options of them, and calls it by name",
}
# functions in which two arguments of one type stand side by side by place, and records of more than three fields that are
# built by place: limits that only shrink
MAX_SAME_TYPE_NEIGHBOURS = 20
MAX_POSITIONAL_FIELDS = 3
MAX_POSITIONAL_RECORDS = 2
# pairs whose order nobody doubts, or that a library or a callback gives by place
CONVENTIONAL_PAIRS = {
    ("image", "label"),
    ("images", "labels"),
    ("images", "targets"),
    ("logits", "target"),
    ("output", "target"),
    ("prediction", "target"),
    ("predicted", "truth"),
    ("predicted", "truths"),
    ("predicted", "label"),
    ("raw", "matrix"),  # handed on as a function of both
    ("done", "of"),  # progress
    ("finished", "of"),
    ("part", "whole"),
    ("low", "high"),
    ("x", "y"),
    ("row", "column"),
    ("rows", "columns"),
    ("left", "right"),
    ("one", "other"),  # the order means nothing
    ("modified", "size"),  # the version of a file
}
# names that two classes have, with the reason
DUPLICATE_EXCEPTIONS: dict[str, str] = {}


def main() -> int:
    """Print everything; 1 if a limit is passed, else 0."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    problems = [
        *package_shares(trees),
        *file_lengths(trees),
        *class_lengths(trees),
        *function_lengths(trees),
        *positional_arguments(trees),
        *same_type_neighbours(trees),
        *positional_records(trees),
        *duplicate_classes(trees),
        *private_accesses(),
        *complexity(),
    ]
    print()
    for problem in problems:
        print(f"TOO MUCH  {problem}")
    print("all within the limits" if not problems else f"{len(problems)} beyond a limit")
    return 1 if problems else 0


def package_shares(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Lines of each package as a share of all; `ui` counts as its packages."""
    lines: dict[str, int] = defaultdict(int)
    for path in trees:
        lines[_package_of(path)] += _length(path)
    total = sum(lines.values())
    print(f"{len(trees)} files, {total:,} lines")
    for name, count in sorted(lines.items(), key=lambda item: -item[1]):
        print(f"  {name:20} {count:6,} {count / total:6.1%}")
        if count / total > MAX_PACKAGE_SHARE:
            yield f"{name} holds {count / total:.1%} of the code; the limit is {MAX_PACKAGE_SHARE:.0%}"


def file_lengths(trees: dict[Path, ast.Module]) -> Iterator[str]:
    lengths = {_name(path): _length(path) for path in trees}
    _print_largest("files", lengths)
    for name, count in lengths.items():
        if count > MAX_FILE_LINES:
            yield f"{name} has {count} lines; the limit is {MAX_FILE_LINES}"


def class_lengths(trees: dict[Path, ast.Module]) -> Iterator[str]:
    lengths = {
        f"{_name(path)}:{node.name}": _span(node)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    _print_largest("classes", lengths)
    for name, count in lengths.items():
        if count > MAX_CLASS_LINES:
            yield f"the class {name} has {count} lines; the limit is {MAX_CLASS_LINES}"


def function_lengths(trees: dict[Path, ast.Module]) -> Iterator[str]:
    lengths = {name: _span(node) for name, node in _functions(trees)}
    _print_largest("functions", lengths)
    for name, count in lengths.items():
        if count > MAX_FUNCTION_LINES:
            yield f"the function {name} has {count} lines; the limit is {MAX_FUNCTION_LINES}"


def positional_arguments(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Functions of which more than five arguments may be given by their place."""
    counts = {}
    for name, node in _functions(trees):
        if any(ast.unparse(decorator).strip("_") == "compiled" for decorator in node.decorator_list):
            continue  # numba knows no keyword-only arguments
        names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
        counts[name] = len(names) - (names[:1] in (["self"], ["cls"]))
    many = {name: count for name, count in counts.items() if count > MAX_POSITIONAL}
    print(f"functions with more than {MAX_POSITIONAL} positional arguments: {len(many)}")
    for name, count in many.items():
        if name not in POSITIONAL_EXCEPTIONS:
            yield f"{name} takes {count} arguments by place; put * where two of a type stand side by side"


def same_type_neighbours(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Functions in which two arguments of one type could be exchanged unseen. Not special methods, nor the public API."""
    names = []
    for name, node in _functions(trees):
        decorators = [ast.unparse(decorator).strip("_") for decorator in node.decorator_list]
        is_special = node.name.startswith("__") and node.name != "__init__"
        if (
            is_special
            or name.startswith(("api.py:", "api_prepare.py:"))
            or any(each.startswith("compiled") for each in decorators)
        ):
            continue
        arguments = [each for each in (*node.args.posonlyargs, *node.args.args) if each.arg not in ("self", "cls")]
        types = ["" if each.annotation is None else ast.unparse(each.annotation) for each in arguments]
        neighbours = zip(arguments, arguments[1:], types, types[1:], strict=False)
        if any(
            first == second and first not in ("", "Any") and (one.arg, other.arg) not in CONVENTIONAL_PAIRS
            for one, other, first, second in neighbours
        ):
            names.append(name)
    print(f"functions with neighbours of one type by place: {len(names)}")
    if len(names) > MAX_SAME_TYPE_NEIGHBOURS:
        yield f"{len(names)} functions take neighbours of one type by place; the limit is {MAX_SAME_TYPE_NEIGHBOURS}: {', '.join(names)}"


def positional_records(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Dataclasses of which more than three fields may be given by their place."""
    names = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if not any(each.startswith("dataclass") and "kw_only=True" not in each for each in decorators):
                continue
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            types = [ast.unparse(each.annotation) for each in fields]
            count = types.index("KW_ONLY") if "KW_ONLY" in types else len(types)
            if count > MAX_POSITIONAL_FIELDS:
                names.append(f"{_name(path)}:{node.name}")
    print(f"records of more than {MAX_POSITIONAL_FIELDS} fields by place: {len(names)}")
    if len(names) > MAX_POSITIONAL_RECORDS:
        yield f"{len(names)} records have many fields by place; the limit is {MAX_POSITIONAL_RECORDS}: {', '.join(names)}"


def duplicate_classes(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Public classes with one name in two files: one word should mean one thing."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(_name(path))
    twice = {name: files for name, files in places.items() if len(files) > 1}
    print(f"class names that stand for two things: {', '.join(sorted(twice)) or 'none'}")
    for name, files in twice.items():
        if name not in DUPLICATE_EXCEPTIONS:
            yield f"{name} is a class in {' and in '.join(files)}"


def private_accesses() -> Iterator[str]:
    """How often tests look at what begins with _ of something that is not theirs."""
    count = 0
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_private = (
                isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
            )
            count += is_private and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    print(f"private accesses in tests: {count}")
    if count > MAX_PRIVATE_ACCESSES:
        yield f"tests look at {count} private things; the limit is {MAX_PRIVATE_ACCESSES}"


def complexity() -> Iterator[str]:
    """What ruff's C901 says, without the exceptions of pyproject.toml; these are printed."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    limit = settings["mccabe"]["max-complexity"]
    command = [sys.executable, "-m", "ruff", "check", "--select", "C901", "--ignore-noqa", "--output-format", "concise"]
    done = subprocess.run([*command, str(PACKAGE)], capture_output=True, text=True, check=False)
    complex_ones = [line for line in done.stdout.splitlines() if "C901" in line]
    print(f"functions of a complexity above {limit}: {len(complex_ones)}")
    yield from complex_ones


def _functions(trees: dict[Path, ast.Module]) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function, nested ones too, by its file and place: `ui/app.py:TrainerApp.close`."""
    for path, tree in trees.items():
        yield from _functions_in(tree, f"{_name(path)}:")


def _functions_in(tree: ast.AST, scope: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{scope}{node.name}", node
        is_scope = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _functions_in(node, f"{scope}{node.name}." if is_scope else scope)


def _package_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    if len(parts) == 1:
        return "(top level)"
    return "/".join(parts[:2]) if parts[0] == "ui" and len(parts) > 2 else parts[0]


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _span(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _print_largest(what: str, lengths: dict[str, int]) -> None:
    largest = sorted(lengths.items(), key=lambda item: -item[1])[:5]
    print(f"largest {what}: " + ", ".join(f"{name} {count}" for name, count in largest))


if __name__ == "__main__":
    sys.exit(main())
