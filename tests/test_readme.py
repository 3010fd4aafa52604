"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rag.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    for name, field in Settings.model_fields.items():
        assert f"ASKPAPERS_{name.upper()}" in README, name
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert re.search(rf"\b{re.escape(f'{field.default:g}')}\b", README), name


def test_every_dependency_is_in_the_readme() -> None:
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    block = pyproject.split("dependencies = [")[1].split("\n]")[0]
    for name in re.findall(r'^\s*"([A-Za-z0-9-]+)', block, re.MULTILINE):
        assert name in README, name


@pytest.mark.models
def test_the_python_example_prints_a_cited_answer(tmp_path: Path, settings: Settings) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(settings.models_path)
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        env={"PATH": "/usr/bin:/bin", "ASKPAPERS_HOME": str(tmp_path / "home")},
    )
    assert "85" in result.stdout
    assert "1 On the Parameterization and Initialization" in result.stdout
