# Every target does its own set-up: it needs Python 3.11 or newer, make, and a C library.
#
#   make demo                     count Python's standard library, then look at the runs it recorded
#   make test                     run the tests;               ARGS="tests/core -k retry" picks some
#   make lint                     ruff, mypy, import contracts
#   make format                   let ruff mend what it can
#   make bench                    Headrace and Prefect side by side;   ARGS="--quick --only hello-warm"
#   make clean                    remove what the targets made
#
# Another Python: make test PYTHON=/path/to/python

VENV := .venv
BIN := $(VENV)/bin
BENCH_VENV := .bench-venv
DEMO := .demo
JOBS ?= auto
ARGS ?=

# The stamps carry the checkout's path: a virtual environment that was moved or copied is made anew.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
READY := $(VENV)/ready-$(HERE)
BENCH_READY := $(BENCH_VENV)/ready-$(HERE)

# Commands and tests start many Python processes, and without this each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# Twice quiet: errors only.
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check --no-warn-script-location

.PHONY: help setup demo test lint format bench clean

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

setup: $(READY)

$(READY): pyproject.toml shims/prefect/pyproject.toml
	@if [ ! -e $@ ]; then \
		python=$$(sh scripts/find-python "$(PYTHON)") || exit 1; \
		echo "Setting up $(VENV) with $$("$$python" --version) ..."; \
		"$$python" -m venv --clear $(VENV); \
	else \
		echo "Bringing $(VENV) up to date ..."; \
	fi
	@$(BIN)/python $(PIP_INSTALL) --upgrade "pip>=25.1"
	@$(BIN)/python $(PIP_INSTALL) --editable . --editable shims/prefect --group dev
	@touch $@

$(BENCH_READY): benchmarks/prefect-3.8.8-pins.txt | $(READY)
	@echo "Setting up $(BENCH_VENV) with Prefect 3.8.8 ..."
	@$(BIN)/python -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@

# A home of its own, and nothing of the caller's configuration: the demo shows what a new user sees.
demo: $(READY)
	@rm -rf $(DEMO)
	@sh examples/demo.sh $(BIN) $(DEMO)

test: $(READY)
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 8 $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

format: $(READY)
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

bench: $(READY) $(BENCH_READY)
	@$(BIN)/python -m benchmarks --prefect-python $(BENCH_VENV)/bin/python $(ARGS)

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
