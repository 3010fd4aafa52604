# Everything a person or CI needs, a word each. `make chat` and `make test` set up what is missing.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: chat ask test test-fast eval lint clean install

chat: $(READY)
	$(BIN)/askpapers chat

ask: $(READY)
	@$(BIN)/askpapers ask "$(q)"

test: $(READY)
	$(BIN)/python -m pytest -n auto -m "not models and not browser and not slow"
	$(BIN)/askpapers models fetch
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "models or browser"

test-fast: $(READY)
	$(BIN)/python -m pytest -n auto -m "not models and not browser and not slow"

eval: $(READY)
	$(BIN)/askpapers eval full

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v < (3, 14) and f"askpapers needs Python 3.11 to 3.13; this is {v[0]}.{v[1]}. Run make PYTHON=python3.11 …")'
	@test -e $(READY) || rm -rf $(VENV)  # what an interrupted installation left cannot be mended
	@rm -f $(READY)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(VENV)/lib || true  # on all processors; pip takes one
	touch $(READY)

clean:
	rm -rf $(VENV) *.egg-info build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
