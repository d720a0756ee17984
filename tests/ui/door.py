"""A small real answer to what the form asks of the house: reads the files, keeps count of what it was asked."""

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
from skimage.segmentation import find_boundaries

from nbtrainer.checks import check, pair_table
from nbtrainer.data.read import read


class SmallDoor:
    """Answers as `nbtrainer.api` does; `findings` are what `check` finds until a `fix` takes one away."""

    def __init__(self, findings=None):
        self.findings = findings
        self.asked = []

    def pairs(self, config):
        self.asked.append("pairs")
        rows = pair_table(config)
        for row in rows:
            row |= {
                "name": Path(row["image"]).name,
                "shape": tuple(row["shape"][:2]),
                "channels": 1,
                "objects": 7,
                "classes": (0, 1),
                "estimated": False,
                "by_order": False,
            }
        return rows

    def picture(self, config, index, size=96, outlines=True):
        self.asked.append(f"picture {index}")
        row = pair_table(config)[index]
        image = read(Path(row["image"])).astype(float)
        edges = find_boundaries(read(Path(row["label"])))
        step = max(1, -(-max(image.shape) // size))
        grey = (255 * (image - image.min()) / np.ptp(image)).astype(np.uint8)
        pixels = np.stack([grey] * 3, axis=-1)
        pixels[edges] = (230, 159, 0)
        return pixels[::step, ::step], step

    def histogram(self, config, index):
        self.asked.append(f"histogram {index}")
        counts, edges = np.histogram(read(Path(pair_table(config)[index]["image"])), bins=32)
        return {"before": (counts / counts.max(), edges), "after": (counts / counts.max(), np.linspace(0, 1, 33))}

    def check(self, config):
        self.asked.append("check")
        return check(config) if self.findings is None else list(self.findings)

    def fix(self, config, finding):
        self.asked.append(f"fix {finding.fix}")
        self.findings.remove(finding)
        config.data.datasets[0].exclude = ["bad.tif"]
        return "bad.tif is left out."

    def fix_title(self, finding):
        return "Leave it out"

    def regions(self, config, dataset_index):
        return list(config.data.datasets[dataset_index].regions)


def decoded(png):
    """The pixels in a PNG file."""
    return imageio.imread(png)
