"""Write docs/networks.md, the page of the networks on the menu: `python docs/make_networks_page.py`.

From the catalog, and from each network as it is built with the settings that are not changed; a test says when the page is
older than the code.
"""

from __future__ import annotations

from pathlib import Path

from nbtrainer import models
from nbtrainer.catalog import BACKBONES, NETWORKS
from nbtrainer.config.model import Model

PAGE = Path(__file__).with_name("networks.md")
_HEAD = """# Networks

Made from `nbtrainer/catalog/networks.py` and `backbones.py` by `python docs/make_networks_page.py`; do not edit.

`model.name` chooses the network, in the form under *Model*; its own settings appear beside it, and have no effect on others
([settings.md](settings.md)). The form offers what exists for the dimensions that are chosen; the check names what does not fit.
Images may have any size and number of channels: what a network needs to be halved is mirrored at the edge and cut off again.
Networks give logits, and each kind of segmentation puts its own activation behind them.

```python
config.model.name, config.model.backbone = "linknet", "vgg16"
```

Networks with a backbone and transformers need `pip install "nbtrainer[networks]"`. The weights are those of one channel and one
output with the settings that are not changed (the backbone is ResNet-34).

| network | dimensions | weights (millions) | sides are multiples of | settings | source |
|---|---|---|---|---|---|
"""
_BACKBONES = """
## Backbones

The names are EPySeg's. They begin with weights drawn by chance unless `model.backbone_weights` says otherwise: `imagenet`
downloads what was learned from photographs, a path names a file of weights of the same backbone, whose names may be those of
another library if the order of its layers is the same. The first layer is adapted to the channels of the images: for one channel the
sum over red, green and blue, for more they are repeated and scaled. `compile.frozen_epochs` leaves such weights as they are
at first, `compile.layer_decay` lets the first layers change least.

| backbone | weights (millions) | DeepLab | Flexible U-Net | source |
|---|---|---|---|---|
"""


def page() -> str:
    """The page as Markdown."""
    rows = []
    for name, entry in NETWORKS.items():
        counts = [f"{_millions(name, dim):.1f} in {dim}D" for dim in entry.dims]
        divisors = entry.divisors(2, features=Model().features, anisotropic_levels=0)[0]
        dims = " and ".join(f"{dim}D" for dim in entry.dims)
        settings = ", ".join(f"`{each}`" for each in entry.parameters)
        rows.append(
            f"| `{name}`<br>{entry.title}. {entry.help} | {dims} | {', '.join(counts)} | {divisors} | {settings} | {entry.source} |"
        )
    backbones = [
        f"| `{name}` {entry.title} | {_millions('linknet', 2, backbone=name):.1f} with Linknet | {_yes(entry.dilates)} | {_yes(bool(entry.monai))} | {entry.source} |"
        for name, entry in BACKBONES.items()
    ]
    return _HEAD + "\n".join(rows) + "\n" + _BACKBONES + "\n".join(backbones) + "\n"


def _millions(name: str, dim: int, **settings: str) -> float:
    model = Model(name=name, **({"backbone": "resnet34"} | settings))
    network = models.create_without_memory(
        name=name,
        dim=dim,
        input_channels=1,
        output_channels=3 if NETWORKS[name].reconstructs_input else 1,
        features=model.features,
        parameters=model.parameters,
    )
    return sum(weights.numel() for weights in network.parameters()) / 1e6


def _yes(does: bool) -> str:
    return "yes" if does else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
