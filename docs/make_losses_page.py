"""Write docs/losses.md, the page of all losses and their parameters: `python docs/make_losses_page.py`.

From the catalog and the settings alone; a test says when the page is older than they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbtrainer.catalog import LOSSES, TASKS
from nbtrainer.catalog.losses import PARAMETERS, LossEntry
from nbtrainer.config.describe import Setting, settings

PAGE = Path(__file__).with_name("losses.md")

INTRODUCTION = """# Losses

Made from `nbtrainer/catalog/losses` by `python docs/make_losses_page.py`; do not edit.

`compile.loss` names one loss; `auto` is that of the kind of segmentation. A sum of several is listed in `compile.loss_terms`, each
with its weight and its parameters, in the form (*Sum of losses*, in the complete view), in a settings file, in Python or on the
command line:

```bash
nbtrainer train config.json 'compile.loss_terms=[{"loss": "dice"}, {"loss": "cl_dice", "weight": 0.5, "iterations": 5}]'
```

```python
config.compile.loss_terms = [{"loss": "dice"}, {"loss": "boundary", "weight": 0.01}]
```

The log and the curves show each term by itself, unweighted (`train_loss (dice)`). Where several things are learned at once, as
foreground and contour are, each has the sum for itself.

In the formulas z is the output of the network (logits), p the probability that the activation makes of it, y the truth, s the
smoothing, v `overlap_weight`, w the weights of rare pixels (`balance`), and Σ runs over batch and space. Losses are averaged over
channels. Pixels of which nothing is known enter none. Losses of 16-bit outputs are calculated in 32 bits. The activation *none* means
that logits themselves are judged; predictions are made with sigmoid or softmax all the same."""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([INTRODUCTION, *_losses(), *_parameters(), *_notes()]) + "\n"


def _losses() -> Iterator[str]:
    yield from ("", "## All losses", "", "| loss | formula | kinds | activation | parameters | other names | source |")
    yield "|---|---|---|---|---|---|---|"
    for entry in LOSSES.values():
        yield _row(entry)


def _row(entry: LossEntry) -> str:
    remarks = ["A regularizer: only beside a loss."] if entry.is_regularizer else []
    remarks += ["Each step waits for the processor."] if entry.on_processor else []
    cells = (
        " ".join([f"`{entry.name}`<br>{entry.title}. {entry.help}", *remarks]),
        entry.formula.replace("|", "\\|"),
        ", ".join(entry.kinds),
        entry.activation,
        ", ".join(f"`{name}`" for name in entry.parameters),
        ", ".join(f"`{name}`" for name in entry.aliases),
        entry.source,
    )
    return f"| {' | '.join(cells)} |"


def _parameters() -> Iterator[str]:
    rows = {row.name: row for row in settings() if row.section == "compile"}
    yield from ("", "## Parameters", "", "Each has one name in a term of a sum, and one beside `compile.loss`.", "")
    yield from ("| in a term | in `compile` | default | values | meaning |", "|---|---|---|---|---|")
    for name, setting in PARAMETERS.items():
        yield _parameter_row(name, rows[setting])


def _parameter_row(name: str, row: Setting) -> str:
    values = " ".join(filter(None, [row.range_in_words, row.unit])) or "true, false"
    return f"| `{name}` | `{row.name}` | `{row.default!r}` | {values} | {row.title}. {row.help} |"


def _notes() -> Iterator[str]:
    defaults = ", ".join(f"`{entry.default_loss}` ({name})" for name, entry in TASKS.items())
    yield from ("", "## Notes", "")
    yield f"- `auto` means {defaults}."
    yield "- Hinge losses judge logits: of a probability from 0 to 1 a hinge is the absolute error and a constant."
    yield (
        "- Distances (`boundary`, `hausdorff`, `border_crossentropy`) are calculated on the processor, also where the network is on a "
        "graphics card, and count pixels, whatever the spacing. Start `boundary` with a small weight, such as 0.01."
    )
    yield (
        "- What they cost: on one core, 8 patches of 256 x 256 with nuclei took, forth and back, 1 ms with `dice`, 20 with `boundary`, "
        "37 with `border_crossentropy`, 83 with `hausdorff`, 250 with `cl_dice`; the pass through a U-Net of 16, 32 and 64 features "
        "390. In volumes with many objects `border_crossentropy` is the slowest (2 s for 2 patches of 64 x 64 x 64)."
    )
    yield (
        "- Where pixels are unknown, the losses that look at shapes take them for background, and count nothing there."
    )
    yield (
        "- `focal_alpha` is a factor of the whole loss for classes, as in EPySeg: it weighs it beside other losses of a sum."
    )
    yield (
        "- Objects of `border_crossentropy` are the connected parts of the foreground, so that objects that touch are one: there is no "
        "gap between them to weigh."
    )
    yield (
        "- Of PyTorch Connectomics' targets, 3 (small objects), 1 (synaptic polarity), 7 (diffusion) and 8 (dilated distance), and of "
        "its regularizers the one against overlap of polarities, are not there; target 6 (signed distance) is part of `boundary` alone."
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
