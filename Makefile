# Everything a contributor does. `make run` and `make test` need nothing but Python 3.11 and a network.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# The first Python that is new enough and really runs (version managers leave names that do not).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
FOOTAGE ?=
PROFILE ?= default
PYTEST_ARGS ?=
MINUTES ?= 3
MODE ?= sqs
SEED ?=
WRITE ?=

.PHONY: help setup run test check servers bench chaos docs lock clean

help: ## list what there is to do
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.base:
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Eddyline needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run: $(VENV)/.base requirements/run.txt pyproject.toml
	@echo "installing what Eddyline needs into $(VENV)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/run.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/eddyline  # starting takes half as long, whatever the environment says
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "installing what the tests need into $(VENV)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.dev ## make the virtual environment with everything in it

run: $(VENV)/.run ## process FOOTAGE=path (or a clip of our own) into OUT, and say where to look
	@if [ -n "$(FOOTAGE)" ]; then $(BIN)/eddyline run "$(FOOTAGE)" --out "$(OUT)" --profile "$(PROFILE)"; \
	else echo "no FOOTAGE=path given: making a camera-like clip of our own"; $(BIN)/eddyline demo-clip "$(OUT)/.eddyline/GX010001.MP4" && $(BIN)/eddyline run "$(OUT)/.eddyline/GX010001.MP4" --out "$(OUT)" --profile "$(PROFILE)"; fi

check: $(VENV)/.dev ## format, lint, types and the walls between the rooms
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 12

test: check ## check, then every test
	@$(BIN)/python -m tests.prepare
	@$(BIN)/pytest -n 2 --dist worksteal $(PYTEST_ARGS)

servers: $(VENV)/.dev ## PostgreSQL, S3 and SQS on this machine, to try a fleet on, until Ctrl-C
	@$(BIN)/python -m tests.servers "$(OUT)/servers.env"

bench: $(VENV)/.dev ## measure, print the table, write benchmarks/results.json
	@$(BIN)/python -m benchmarks

chaos: $(VENV)/.dev ## storm a real fleet for MINUTES (SEED, MODE=sqs|direct, WRITE=1 for docs): exit 0 only if all held
	@$(BIN)/python -m tests.chaos --minutes "$(MINUTES)" --mode "$(MODE)" $(if $(SEED),--seed "$(SEED)") $(if $(WRITE),--write)

docs: $(VENV)/.dev ## write the generated parts of the documentation anew
	@$(BIN)/python -m docs.generate

lock: $(VENV)/.base ## resolve the dependencies anew
	@printf 'uv\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - -o requirements/uv.txt
	@printf 'hatchling\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml - -o requirements/run.txt
	@printf 'hatchling\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra dev -c requirements/run.txt pyproject.toml - -o requirements/dev.txt

clean: ## remove what can be made again
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
