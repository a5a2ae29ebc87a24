# Netledger: `make demo` shows it, `make test` proves it, `make help` lists the rest.
#
# Every target brings its own environment (.venv) up to date first; that takes well under a second when it is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.NOTPARALLEL: # the environment before what uses it, also under make -j

BIN := .venv/bin
PATH := $(PATH):/usr/sbin:/sbin
export PATH PYTHON

# Seeds of `make simulate`; seeds of `make fast`; processes of `make test`; what pytest and the benchmarks get besides.
SEEDS ?= 10000
FAST_SEEDS ?= 50
WORKERS ?= 2
ARGS ?=

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the two commands -------------------------------------------------------------------------------------

.PHONY: demo
demo: ## two hosts, two networks, one instance, on this machine; leaves nothing behind
	@tools/bootstrap.sh demo
	@$(BIN)/netledger dev demo $(ARGS)

.PHONY: test
test: bootstrap-test check-lint check-types ## everything: lint, types, all tests, with a real broker
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

# --- parts of it, for work --------------------------------------------------------------------------------

.PHONY: fast
fast: bootstrap-dev check-lint check-types ## lint, types, unit tests, house rules and 50 seeds, in seconds
	@NETLEDGER_SIMULATION_SEEDS=$(FAST_SEEDS) $(BIN)/python -m pytest -n $(WORKERS) -q -m "not slow" \
	    tests/house tests/unit tests/simulation $(ARGS)

.PHONY: lint
lint: bootstrap-dev check-lint ## Ruff: every rule but those with a reason, and the format

.PHONY: types
types: bootstrap-dev check-types ## mypy, strict, tests included

.PHONY: simulate
simulate: bootstrap-dev ## the seeded simulation; SEEDS=100000 for a long night
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

.PHONY: bench
bench: bootstrap-test ## throughput and latency as ratios to floors measured in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

# --- generated files --------------------------------------------------------------------------------------

.PHONY: schemas
schemas: bootstrap-dev ## write the JSON Schemas and the AsyncAPI document from the models
	@$(BIN)/python -m events.schema_export

.PHONY: lock
lock: ## resolve the dependencies anew into requirements*.lock; ARGS=--upgrade for newer versions
	@tools/lock.sh $(ARGS)

.PHONY: format
format: bootstrap-dev ## let Ruff format the code and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: clean
clean: ## remove caches, build products and benchmark results; keeps .venv
	@rm -rf .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov build dist \
	    *.egg-info benchmarks/results
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# --- what the targets above share -------------------------------------------------------------------------

.PHONY: bootstrap-dev bootstrap-test check-lint check-types
bootstrap-dev:
	@tools/bootstrap.sh dev

bootstrap-test:
	@tools/bootstrap.sh test

check-lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

check-types:
	@$(BIN)/mypy
