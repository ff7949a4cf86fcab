# `make` lists the targets; each builds what it needs.

PYTHON ?= python3
JOBS ?= auto
BATON_KILLS ?= 200
BATON_PERF ?= ../shared/perf
UV_VERSION := 0.13.9

BIN := .venv/bin
STAMP := .venv/.stamp
UV := .venv-lock/bin/uv
CODE := gateway adapters conformance tests

# --universal: one lock for Linux and macOS, x86_64 and arm64, Python 3.11 on.
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-annotate --custom-compile-command "make lock"

export BATON_KILLS BATON_PERF

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format docs coverage bench crash soak lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## make .venv from the locked packages, if they changed

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## run an EHR, the gateway and a portal; ARGS="--help" says more
	$(BIN)/baton demo $(ARGS)

test: $(STAMP) ## run the tests; ARGS="-k mllp" picks some
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

lint: $(STAMP) ## ruff, formatting, types, mappings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/baton check

format: $(STAMP) ## let ruff put right what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) ## write the documents that come from the code
	$(BIN)/python -m gateway.app.documents

coverage: $(STAMP) ## run the tests and report what they leave out
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine
	$(BIN)/coverage report

bench: $(STAMP) ## measure speed beside peers and limits (BATON_PERF)
	$(BIN)/python -m tests.bench $(ARGS)

crash: $(STAMP) ## kill the gateway BATON_KILLS times and check the books
	$(BIN)/python -m pytest -m campaign -o faulthandler_timeout=0 -s tests/crash $(ARGS)

soak: $(STAMP) ## run for a long time under faults
	$(BIN)/python -m pytest -m soak -o faulthandler_timeout=0 -s $(ARGS)

lock: $(UV) ## refresh both locks; ARGS="--upgrade" moves to current versions
	$(COMPILE) --extra dev $(ARGS) --output-file requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock

$(UV):
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet uv==$(UV_VERSION)

clean: ## remove environments and caches
	rm -rf .venv .venv-lock build dist htmlcov .coverage .coverage.* \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
