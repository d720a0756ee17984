"""What a process may use of the machine, as its containers tell it."""

import math

import psutil
import pytest

from nbtrainer import environment


@pytest.fixture
def write_cgroup(tmp_path, monkeypatch):
    """Stands for the kernel's files: writes them, and the groups that the process is in."""
    monkeypatch.setattr(environment, "CGROUPS", tmp_path)
    monkeypatch.setattr(environment, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(environment.os, "sched_getaffinity", lambda process: set(range(64)), raising=False)

    def write(groups: str, files: dict[str, str]) -> None:
        (tmp_path / "own").write_text(groups)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text + "\n")

    return write


_MB = 1024**2


def test_without_a_container_the_machine_is_the_limit(write_cgroup):
    write_cgroup("0::/\n", {"cpu.max": "max 100000", "memory.max": "max", "memory.current": "1"})
    assert environment.usable_cores() == 64
    assert math.isclose(environment.available_memory(), psutil.virtual_memory().available, rel_tol=0.2)


def test_a_container_limits_cores_and_memory(write_cgroup):
    write_cgroup(
        "0::/\n",
        {
            "cpu.max": "250000 100000",
            "memory.max": str(100 * _MB),
            "memory.current": str(90 * _MB),
            "memory.stat": f"anon 1\ninactive_file {30 * _MB}",  # given back when it is needed
        },
    )
    assert environment.usable_cores() == 2
    assert environment.available_memory() == 40 * _MB


def test_so_does_a_job_that_is_a_group_within_groups(write_cgroup):
    write_cgroup(
        "0::/slurm/job_7/step\n",
        {
            "slurm/job_7/cpu.max": "400000 100000",
            "slurm/job_7/step/cpu.max": "max 100000",
            "slurm/job_7/memory.max": str(50 * _MB),
            "slurm/job_7/memory.current": str(20 * _MB),
        },
    )
    assert environment.usable_cores() == 4
    assert environment.available_memory() == 30 * _MB


def test_the_older_kind_of_groups_is_understood(write_cgroup):
    write_cgroup(
        "5:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n0::/\n",
        {
            "cpu/docker/a/cpu.cfs_quota_us": "300000",
            "cpu/docker/a/cpu.cfs_period_us": "100000",
            "cpu/cpu.cfs_quota_us": "-1",
            "cpu/cpu.cfs_period_us": "100000",
            "memory/docker/a/memory.limit_in_bytes": str(64 * _MB),
            "memory/docker/a/memory.usage_in_bytes": str(60 * _MB),
            "memory/docker/a/memory.stat": f"total_inactive_file {6 * _MB}",
        },
    )
    assert environment.usable_cores() == 3
    assert environment.available_memory() == 10 * _MB


@pytest.mark.parametrize(("said", "threads"), [("1", 1), ("3", 3), ("2,1", 2), ("", 5), ("many", 5), ("0", 5)])
def test_the_number_of_threads_that_the_user_gave_the_process_holds(monkeypatch, said, threads):
    monkeypatch.setattr(environment, "usable_cores", lambda: 5)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert environment.usual_threads() == threads
