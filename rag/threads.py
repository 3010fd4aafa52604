"""How many threads the models run in: as many as there are cores that this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def set_threads(asked: int = 0) -> None:
    """Tell PyTorch how many threads to run in; 0 for `usable_cores`."""
    import torch

    torch.set_num_threads(asked or usable_cores())


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Physical cores, or fewer where affinity or a container's limit allows fewer.

    PyTorch counts the machine's cores; with more threads than cores the threads wait for each
    other at every step.
    """
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, math.ceil(min(cores, _quota(cgroup))))


def _quota(cgroup: Path) -> float:
    """Cores' worth of time that a control group allows (version 2, then version 1)."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = " ".join((cgroup / name).read_text() for name in names).split()
            quota, period = float(words[0]), float(words[1])
        except (OSError, ValueError, IndexError):  # no such group, or "max": no limit
            continue
        if quota > 0 and period > 0:
            return quota / period
    return math.inf
