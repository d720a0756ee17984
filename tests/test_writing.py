"""Every file that somebody may find is written aside and renamed, and every public function knows how a disk says no."""

import ast
from pathlib import Path

import nbtrainer
from nbtrainer import api

PACKAGE = Path(nbtrainer.__file__).parent
WRITES = {"write_text", "write_bytes", "imwrite", "savefig", "savez", "savez_compressed", "tofile"}
# these write into a file or folder that is renamed when it is whole, by their own means: one that is never the only copy while
# it is replaced, a cache, a set of folders, a journal and logs that grow, a device, memory
OWN_MEANS = {
    "disk.py",
    "io/formats/decompressed.py",
    "data/split_folders.py",
    "data/blocks.py",
    "data/stack.py",
    "engine/checkpoint.py",
    "engine/find_learning_rate.py",
    "inference/write.py",
    "runs/journal.py",
    "runs/listeners.py",
    "runs/owner.py",
    "runs/run.py",
    "runs/stop.py",
    "runs/tensorboard.py",
}


def _writing(tree):
    """(line, what) of each call that writes to a path, unless the path is called `aside`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") == "write_text":  # which is ours
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        target = (
            node.args[0] if name in ("imwrite", "savefig", "savez", "savez_compressed") and node.args else node.func
        )
        target = target.value if isinstance(target, ast.Attribute) else target
        modes = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
        is_device = bool(node.args) and getattr(node.args[0], "attr", "") == "devnull"
        is_opened = (
            name == "open" and not is_device and any(isinstance(mode, str) and mode[:1] in "wax" for mode in modes)
        )
        if (name in WRITES or is_opened) and not (isinstance(target, ast.Name) and target.id == "aside"):
            if isinstance(target, ast.Constant) and target.value == "<bytes>":
                continue
            yield node.lineno, name


def test_nothing_is_written_under_its_final_name():
    """Use `nbtrainer.disk.write_aside`, `write_text` or `write_json`."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name not in OWN_MEANS:
            found += [f"{name}:{line} {what}" for line, what in _writing(ast.parse(file.read_text(encoding="utf-8")))]
    assert found == []


def test_every_public_function_translates_what_the_disk_refuses():
    functions = [
        value for value in vars(api).values() if callable(value) and getattr(value, "__module__", "") == "nbtrainer.api"
    ]
    assert len(functions) > 20
    assert [function.__name__ for function in functions if not hasattr(function, "__wrapped__")] == []
