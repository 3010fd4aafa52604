"""Model files that a test needs, which no test fetches."""

import pytest

from rag import weights
from rag.settings import Settings


def need_models(settings: Settings, *names: str) -> None:
    """Skip the test where one of these is not on this machine."""
    for name in names:
        if not weights.is_present(weights.get_model(name), settings.models_path):
            pytest.skip(f"{name} is not here: run `askpapers models fetch`")
