import re
from pathlib import Path

import numpy as np
import pytest

from nbtrainer.inference.report import score_image, write_report
from nbtrainer.tasks.binary import Binary


def _order(path: Path, names: list[str], task: Binary) -> list[str]:
    label = np.zeros((32, 32), np.uint8)
    label[4:20, 4:20] = 1
    judged = []
    for name, rows in (("good", 1), ("bad", 12), ("fair", 5)):
        predicted = label.copy()
        predicted[4 : 4 + rows] = 0
        judged.append(
            score_image(name, np.zeros((1, 32, 32), np.float32), predicted, label=label, task=task, names=names)
        )
    page = write_report(path / "report.html", title="Title", text="Words.", judged=judged, names=names).read_text()
    return re.findall("<tr><th>(good|bad|fair)</th>", page)


@pytest.mark.parametrize("names", [["dice"], ["hausdorff_95", "dice"], []])
def test_the_worst_image_stands_first_by_any_metric_and_by_none(names, tmp_path):
    assert _order(tmp_path, names, Binary.create()) == ["bad", "fair", "good"]
