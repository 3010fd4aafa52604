"""Probes: fitted, written, read again; states as transformers has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_packed import small_model

from eval.metrics import auroc
from eval.probing import cross_validated, fit_probe
from rag import probing
from rag.chat_models.decoding import StateReader
from rag.probing import Probe, load_probe, load_support_judge, write_probe
from rag.settings import load_settings


def clouds(count: int, width: int = 8) -> tuple[np.ndarray, list[bool]]:
    """Two clouds of points that overlap a little, in turns."""
    points = np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)
    yes = [i % 2 == 0 for i in range(count)]
    points[::2, 1] += 3
    return points * 50 + 7, yes


def test_a_probe_tells_two_clouds_apart() -> None:
    points, yes = clouds(200)
    probe = fit_probe(points, yes, 5)
    told = [probe.probability(point) >= 0.5 for point in points]
    assert np.mean(np.array(told) == np.array(yes)) > 0.85
    assert probe.layer == 5


def test_what_a_probe_has_not_seen_is_judged_by_the_rest() -> None:
    points, yes = clouds(200)
    groups = [f"{i // 2}" for i in range(200)]
    found = np.array(cross_validated(points, yes, groups, 1))
    assert np.mean((found >= 0.5) == np.array(yes)) > 0.85
    shuffled = [bool(y) for y in np.random.default_rng(5).permutation(yes)]
    by_chance = np.array(cross_validated(points, shuffled, groups, 1)) >= 0.5
    assert np.mean(by_chance == np.array(shuffled)) < 0.65


def test_a_probe_that_starts_from_another_keeps_what_few_states_do_not_tell() -> None:
    points, yes = clouds(400)
    before = fit_probe(points[100:], yes[100:], 5)
    few = points[:16], yes[:16], 5
    on, anew = fit_probe(*few, start=before), fit_probe(*few)
    assert auroc_of(on, points, yes) > auroc_of(anew, points, yes)
    assert not np.allclose(on.weights, before.weights)


def auroc_of(probe: Probe, points: np.ndarray, yes: list[bool]) -> float:
    odds = [probe.log_odds(point) for point in points]
    found = auroc(
        [o for o, y in zip(odds, yes, strict=True) if y],
        [o for o, y in zip(odds, yes, strict=True) if not y],
    )
    assert found is not None
    return found


def test_groups_too_few_to_be_held_out_are_no_error() -> None:
    points, yes = clouds(6)
    assert len(cross_validated(points, yes, ["a"] * 6, 1)) == 6


def test_a_probe_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points, yes = clouds(60)
    probe = fit_probe(points, yes, 7)
    (tmp_path / "probes").mkdir()
    write_probe(probe, "support", "wren", "made up", tmp_path / "probes")
    monkeypatch.setattr(probing, "files", lambda _: tmp_path)
    read = load_probe("support", "wren")
    assert read is not None
    assert read.layer == 7
    for point in points:
        assert read.probability(point) == pytest.approx(probe.probability(point), abs=0.005)
    assert load_probe("support", "heron") is None
    assert load_probe("support", "../support-wren") is None


def test_a_probability_never_overflows() -> None:
    probe = Probe(1, np.array([1e4], dtype=np.float32), 0.0)
    assert probe.probability(np.array([-1e3])) == pytest.approx(0)
    assert probe.probability(np.array([1e3])) == pytest.approx(1)


def test_the_default_model_has_a_judge_that_ships() -> None:
    probe = load_probe("support", load_settings().model)
    assert probe is not None
    assert len(probe.weights) == 1536
    assert load_support_judge(None) is None


def test_states_are_those_of_transformers() -> None:
    model = small_model()
    prompt = torch.randint(2, 512, (80,)).tolist()
    with torch.inference_mode():
        states = model(torch.tensor([prompt]), output_hidden_states=True).hidden_states
    reader = StateReader(model, 2)
    assert torch.allclose(reader.state(prompt), states[2][0, -1], atol=1e-4)
    other = [*prompt[:70], *torch.randint(2, 512, (8,)).tolist()]
    with torch.inference_mode():
        wanted = model(torch.tensor([other]), output_hidden_states=True).hidden_states[2][0, -1]
    for state in (reader.state(other, shared=60), reader.state(other, shared=60)):
        assert torch.allclose(state, wanted, atol=1e-4)
    first = reader.state(prompt, shared=60)
    reader.state(other, shared=70)
    assert torch.equal(reader.state(prompt, shared=60), first)
    assert model.config.num_hidden_layers == 3
