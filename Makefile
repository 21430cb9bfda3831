PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
ARGS ?=

CHAPTERS := reference model proofs conformance

.PHONY: help venv verify test test-fast lint bench fuzz conform-real clean
.DEFAULT_GOAL := help

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

venv: $(STAMP)  ## set up .venv with every pinned dependency

# The stamp is removed first and written last, so a set-up that fails is run again.
$(STAMP): pyproject.toml setup.py constraints.txt
	@rm -f $@
	@echo "setting up $(VENV)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@

verify: $(STAMP)  ## prove the protocol (ARGS="..." is passed on, here and below)
	@$(BIN)/rollproof verify $(ARGS)

test: $(STAMP)  ## run the tests
	@$(BIN)/python -m pytest $(ARGS)

test-fast: $(STAMP)  ## run the tests of the reference, and the shortest of all others
	@$(BIN)/python -m pytest -m "not slow" tests/reference tests/test_house.py $(ARGS)

# The type checker is shown the import package as it is once installed.
lint: $(STAMP)  ## check format, style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@mkdir -p build/typing/rollproof
	@ln -sfn $(addprefix $(CURDIR)/,$(CHAPTERS) $(wildcard rollproof/*)) build/typing/rollproof/
	@$(BIN)/mypy

bench: $(STAMP)  ## run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(STAMP)  ## run the randomized tests for long
	@ROLLPROOF_FUZZ=1 $(BIN)/python -m pytest -m fuzz $(ARGS)

conform-real: $(STAMP)  ## judge the libraries of the league, and compare with conformance/results (ARGS=NAME: one)
	@$(BIN)/python -m rollproof.conformance.real $(ARGS)

clean:  ## remove .venv and everything generated
	@rm -rf $(VENV) build dist *.egg-info .hypothesis .benchmarks .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
