# Everything works on a clean clone on a machine with python3, make and a network.
VENV := .venv
# aws-sam-cli pins boto3 and click, so it lives apart
SAM := .venv-sam
SAM_VERSION := 1.170.0
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready $(SAM)/.ready-$(SAM_VERSION)

# Tests of the local runtime wait as much as they compute. The quick tests alone compute: more workers than processors make them slower.
PROCESSORS := $(shell $(PYTHON) -c 'import os; print(os.cpu_count() or 1)')
WORKERS ?= $(shell expr $(PROCESSORS) + 2)
PYTEST := $(BIN)/pytest -q -n $(WORKERS)
SOAK ?= 20
# The tests that take longer or have more examples in `make soak`.
SOAKED = $(shell grep -rlE '\b(SOAK|in_soak)\b' tests --include='test_*.py')
# The tests that compare something with a golden file.
GOLDEN = $(shell grep -rlE '^from tests.golden import .*\bexpect\b' tests --include='test_*.py')

# The tests start hundreds of processes. Without stored bytecode each of them compiles every module that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run help setup vendor docs docs-serve check test static tests quick golden release-before coverage soak fmt bench clean

run: setup  ## deploys the application to this machine and plays a business day
	$(BIN)/headgate run local/samples/stifel/day.yaml

help:  ## shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY)  ## installs the project and its tools into .venv, and aws-sam-cli into .venv-sam

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headgate needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[local,dev]"
	touch $@

$(SAM)/.ready-$(SAM_VERSION):
	$(PYTHON) -m venv $(SAM)
	$(SAM)/bin/pip install --quiet --disable-pip-version-check aws-sam-cli==$(SAM_VERSION)
	touch $@

vendor: setup  ## copies the libraries of the board and of the documentation from their packages (needs npm)
	$(BIN)/python -m headgate.board.vendor board/vendor.json board/page/vendor
	$(BIN)/python -m headgate.board.vendor website/vendor.json website/theme/assets/vendor

docs: setup  ## builds the documentation as a site into .site; links and anchors that lead nowhere are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file website/mkdocs.yml

docs-serve: setup  ## shows the documentation at http://127.0.0.1:8000 and follows what changes in it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --config-file website/mkdocs.yml

fmt: setup  ## formats the code and corrects what ruff can correct
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: setup  ## before each commit: style, types, generated files, and the tests that take seconds
	@$(MAKE) --no-print-directory --jobs=2 quick static

test: setup  ## everything: style, types, generated files, and every test
	@$(MAKE) --no-print-directory --jobs=2 tests static

static:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/headgate generate --check

tests:
	$(PYTEST)

quick:
	$(BIN)/pytest -q -n $(PROCESSORS) -m "not slow"

soak: setup  ## every random test of the state, of files and of meshes with many more examples, a year under each statistics, and the played days, outages, storms, kills and large meshes that take too long for `make test`; takes hours
	HEADGATE_SOAK=$(SOAK) $(PYTEST) $(SOAKED)

golden: setup  ## writes the golden files; read the difference before you commit it
	HEADGATE_GOLDEN=write $(BIN)/pytest -q $(GOLDEN) || true
	$(BIN)/pytest -q $(GOLDEN)

release-before:  ## with a release: keeps its application and its programs, for the tests of the upgrade to the next one
	tar --create --xz --exclude=__pycache__ --exclude='*.egg-info' --exclude=local/samples --sort=name --owner=0 --group=0 --mtime=@0 --file=tests/release_before/application.tar.xz \
		board cli deployment events functions generator importing jobs local products projects samconfig.toml src statemachines steps template.yaml

coverage: setup  ## every test, with the coverage of all processes: a summary, and .coverage-html/index.html
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

bench: setup  ## measures generation, the state functions, the local runtime and the board, computes the costs
	$(BIN)/python benchmarks/generate_10000.py
	$(BIN)/python benchmarks/state.py
	$(BIN)/python benchmarks/state_plans.py
	$(BIN)/python benchmarks/retention.py
	$(BIN)/python benchmarks/files.py
	$(BIN)/python benchmarks/forecast_speed.py
	$(BIN)/python benchmarks/shadow.py
	$(BIN)/python benchmarks/board_hosted.py
	PYTHONPATH=. $(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/board.py
	PYTHONPATH=. $(BIN)/python benchmarks/costs.py

clean:  ## removes the environments, caches and local data
	rm -rf $(VENV) $(SAM) .headgate .site .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
