# `make test` on a machine with python3, make and a network sets everything up and runs every test.
VENV := .venv
# aws-sam-cli pins boto3 and click, so it lives apart
SAM := .venv-sam
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready $(SAM)/.ready

.PHONY: setup check test golden docs bench clean

setup: $(READY)

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headgate needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[local,dev]"
	touch $@

$(SAM)/.ready: Makefile
	$(PYTHON) -m venv $(SAM)
	$(SAM)/bin/pip install --quiet --disable-pip-version-check aws-sam-cli==1.170.0
	touch $@

# Before each commit: style, types, and the tests that take seconds.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/headgate generate --check
	$(BIN)/pytest -q -n 2 -m "not slow"

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/headgate generate --check
	$(BIN)/pytest -q -n 2

# Writes what the golden tests expect; read the difference before committing it.
GOLDEN := tests/test_golden_findings.py tests/test_golden_output.py tests/test_docs.py tests/test_state_migrations.py tests/test_inquiry.py tests/test_run.py
golden: setup
	HEADGATE_GOLDEN=write $(BIN)/pytest -q $(GOLDEN) || true
	$(BIN)/pytest -q $(GOLDEN)

bench: setup
	$(BIN)/python benchmarks/generate_10000.py
	$(BIN)/python benchmarks/state.py

clean:
	rm -rf $(VENV) $(SAM) .headgate .mypy_cache .pytest_cache .ruff_cache
