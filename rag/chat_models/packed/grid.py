"""Weights as whole numbers under a scale a group: the grid they were published on, or a finer one.

A file with four bits a weight gives each group of 32 a scale and an offset, so its weights lie on
a grid of sixteen steps. Unpacked to bfloat16 they still do, to rounding, and the grid is found
again: nothing is lost. Other weights get eight bits.
"""

from __future__ import annotations

import torch
from torch import Tensor

GROUP = 32
"""Weights, along the input, that share a scale."""

_ON_GRID = 0.008
"""Largest distance from a grid, as a share of the group's largest weight, that is rounding:
bfloat16 has eight bits, so it rounds by up to 1/256."""

_OFF_GRID_ALLOWED = 0.001
"""Share of groups that may lie off their grid in a layer that is kept in four bits."""

_SAMPLE = 1 << 12
"""Groups that are looked at to tell."""


def is_on_grid(weight: Tensor) -> bool:
    """Whether the weights were published in four bits, from groups all over the layer."""
    groups = weight.reshape(-1, GROUP)
    _, _, _, distance = _fit(groups[:: max(1, len(groups) // _SAMPLE)].float())
    return float((distance > _ON_GRID).float().mean()) <= _OFF_GRID_ALLOWED


def four_bits(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels 0 … 15 ``(out, in)``, scale and lowest weight a group ``(out, groups)``."""
    levels, scale, lowest, _ = _fit(weight.float().reshape(-1, GROUP))
    groups = (len(weight), -1)
    return levels.view(weight.shape), scale.view(groups), lowest.view(groups)


def eight_bits(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Levels −127 … 127 ``(out, in)`` and a scale a group ``(out, groups)``."""
    grouped = weight.float().view(len(weight), -1, GROUP)
    scale = grouped.abs().amax(2, keepdim=True).clamp_min(1e-9) / 127
    levels = (grouped / scale).round_().view(weight.shape).to(torch.int16)
    return levels, scale[:, :, 0]


def _fit(groups: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Levels, scale and lowest weight of the grid that each group ``(n, 32)`` lies on, and how
    far off it lies.

    Not every group reaches both ends of the sixteen, so fewer steps between its least and its
    largest are tried where fifteen do not fit.
    """
    lowest, largest = groups.amin(1, keepdim=True), groups.amax(1, keepdim=True)
    span = (largest - lowest).clamp_min_(1e-12)
    rounding = groups.abs().amax(1).clamp_min_(1e-12)
    scale = span / 15
    best = _distance(groups, lowest, scale, rounding)
    for steps in range(14, 2, -1):
        left = (best > _ON_GRID).nonzero()[:, 0]
        if not len(left):
            break
        tried = span[left] / steps
        distance = _distance(groups[left], lowest[left], tried, rounding[left])
        closer = distance < best[left] / 2
        best[left[closer]], scale[left[closer]] = distance[closer], tried[closer]
    levels = ((groups - lowest) / scale).round_().clamp_(0, 15).to(torch.uint8)
    return levels, scale, lowest, best


def _distance(groups: Tensor, lowest: Tensor, scale: Tensor, largest: Tensor) -> Tensor:
    levels = (groups - lowest) / scale
    off = (levels - levels.round()).abs_().amax(1)
    return off * scale[:, 0] / largest
