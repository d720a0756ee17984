"""`nbtrainer networks`."""

import subprocess
import sys


def test_networks_are_shown_side_by_side(small_config, tmp_path):
    small_config.model.features = [4, 8]
    small_config.save(tmp_path / "config.json")
    command = [
        sys.executable,
        "-m",
        "nbtrainer",
        "networks",
        str(tmp_path / "config.json"),
        "--only",
        "unet",
        "--only",
        "linknet",
    ]
    done = subprocess.run([*command, "task.dim=2"], capture_output=True, text=True, check=True)
    head, first, second = done.stdout.strip().splitlines()
    assert head.split()[:2] == ["network", "weights"]
    assert {first.split()[0], second.split()[0]} == {"unet", "linknet"}
    assert " M" in first and " MB" in first and first.rstrip().endswith(" s")
