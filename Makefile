# On a machine with python3, make and a network, `make run` sets everything up and plays a business day, and `make test` sets
# everything up and passes every test.
VENV := .venv
# aws-sam-cli pins boto3 and click, so it lives apart
SAM := .venv-sam
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready $(SAM)/.ready

.PHONY: run setup check test golden bench clean

run: setup
	$(BIN)/headgate run local/samples/stifel/day.yaml

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
GOLDEN := tests/test_golden_findings.py tests/test_golden_output.py tests/test_docs.py tests/test_state_migrations.py tests/test_inquiry.py tests/test_alerts.py tests/test_run.py
golden: setup
	HEADGATE_GOLDEN=write $(BIN)/pytest -q $(GOLDEN) || true
	$(BIN)/pytest -q $(GOLDEN)

bench: setup
	$(BIN)/python benchmarks/generate_10000.py
	$(BIN)/python benchmarks/state.py
	PYTHONPATH=. $(BIN)/python benchmarks/latency.py

clean:
	rm -rf $(VENV) $(SAM) .headgate .aws-sam .mypy_cache .pytest_cache .ruff_cache
