# One place for every command; CI calls the same ones. `make help` lists them.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
LIBRARY ?=
N ?= 1000000
DEMO_ARGS ?=
CRASH_ARGS ?=
QUICK ?=
BENCH_ARGS ?=
# Tests run in two processes: that is what the smallest supported machine has.
WORKERS ?= 2
# The gate draws the same examples each time, so that it never fails for what a change did not touch (decision 0017);
# `make stateful` and `make crash-points` search with new ones.
SPFC_SEED ?= 20261121
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
GATE := SPFC_SEED=$(SPFC_SEED) $(PYTEST) --hypothesis-seed=$(SPFC_SEED)

.PHONY: help setup demo demo-local demo-filecloud-local demo-lists test check lint types fast stateful crash-points bench bench-scale conformance lock schema clean postgres azurite

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(STAMP) ## make .venv with everything pinned (uses uv when it is there)

$(STAMP): requirements-dev.txt pyproject.toml
	@scripts/setup $(VENV) $(PYTHON)
	@touch $@

demo: $(STAMP) ## the main job on a real Airflow against local simulators; LIBRARY=<folder> uses your own files
	@$(BIN)/python -m demo $(if $(LIBRARY),--library "$(LIBRARY)") $(DEMO_ARGS)

demo-local: $(STAMP) ## a library, mirrored to a local folder; LIBRARY=<folder> uses your own files
	@$(BIN)/python -m demo local $(if $(LIBRARY),--library "$(LIBRARY)") $(DEMO_ARGS)

demo-filecloud-local: $(STAMP) ## a FileCloud folder, mirrored to a local folder
	@$(BIN)/python -m demo filecloud-local $(DEMO_ARGS)

demo-lists: $(STAMP) ## a SharePoint list, kept in a SQL table
	@$(BIN)/python -m demo lists $(DEMO_ARGS)

test: $(STAMP) postgres azurite ## all tests
	@$(GATE)

check: lint types fast ## what to run before a commit: lint, types, fast tests

lint: $(STAMP) ## style, complexity, docstrings, Airflow rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	@$(BIN)/mypy

fast: $(STAMP) ## tests that need no Airflow and no whole run
	@$(GATE) -q -m "not airflow and not e2e"

crash-points: $(STAMP) ## every crash point of runs of every kind, with every way back (hours); CRASH_ARGS="--rotate" one way each, CRASH_ARGS=folder one scene
	@PYTHONPATH=plugins:include:. $(BIN)/python -m tests.crash $(CRASH_ARGS)

.PHONY: profiles
profiles: $(STAMP) ## whole-run tests against older FileCloud servers too
	@for profile in legacy 2024; do SPFC_PROFILE=$$profile $(PYTEST) -q \
		tests/e2e/feed tests/e2e/test_main_job.py tests/e2e/test_refusals.py tests/e2e/test_audit.py \
		tests/e2e/test_explain.py tests/e2e/test_mass_change.py tests/e2e/test_refused_moves.py \
		tests/e2e/test_transfer_costs.py || exit 1; done

stateful: $(STAMP) ## random edits and faults, whole runs of every kind of route: EXAMPLES=500 sequences by default
	@SPFC_EXAMPLES=$(or $(EXAMPLES),500) $(PYTEST) -q tests/e2e/test_stateful.py tests/e2e/test_stateful_folders.py \
		tests/steps/test_engine_property.py tests/steps/test_filecloud_source.py tests/steps/records/test_list_property.py

bench: $(STAMP) ## measure the transfer beside rclone, the old script and a bare loop; QUICK=1 takes minutes, not an hour
	@PYTHONPATH=plugins:include:. $(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(BENCH_ARGS)

conformance: $(STAMP) ## clients of the real services against the simulators: writes docs/conformance.md; CLIENTS=rclone only some
	@PYTHONPATH=plugins:include:. $(BIN)/python -m tests.conformance $(CLIENTS)

postgres: # the ledger tests need a real PostgreSQL; on a bare Debian machine it is installed here
	@scripts/postgres

azurite: # the tests of Azure Blob need Microsoft's server for that, which comes from npm
	@scripts/azurite

lock: ## pin requirements.in and requirements-dev.in again (needs uv)
	@scripts/lock

bench-scale: $(STAMP) ## a generated library of N items (default 1000000): writes docs/performance.md
	@PYTHONPATH=plugins:include:. $(BIN)/python -m tests.bench_scale $(N)

schema: $(STAMP) ## write the JSON schema of routes.yaml for editors
	@$(BIN)/python -m spfc.routes_schema include/routes.schema.json

clean: ## remove what demo and tests left
	rm -rf .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
