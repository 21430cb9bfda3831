PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
ARGS ?=

CHAPTERS := reference model proofs conformance lessons
FAST := tests/reference tests/test_house.py \
	$(addprefix tests/model/test_,rules.py session.py symbolic_containers.py trace.py worlds.py) \
	$(addprefix tests/rollproof/test_,cli_simulate.py explain.py readme.py)

.PHONY: help venv verify test test-fast test-long lint bench mutants fuzz conform-real docs docs-serve docs-test dist clean
.DEFAULT_GOAL := help

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 21
	@echo
	@echo 'Everything else is one command, $(BIN)/rollproof: --help lists what it does. How to add something: CONTRIBUTING.md'

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

test-fast: $(STAMP)  ## run the tests that take seconds: the reference, the house, the documents, the command line
	@$(BIN)/python -m pytest -m "not slow and not fuzz and not long" $(FAST) $(ARGS)

test-long: $(STAMP)  ## run the tests that repeat at length what others show in short; takes many minutes
	@$(BIN)/python -m pytest -m long $(ARGS)

# The type checker is shown the import package as it is once installed.
lint: $(STAMP)  ## check format, style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@mkdir -p build/typing/rollproof
	@ln -sfn $(addprefix $(CURDIR)/,$(CHAPTERS) $(wildcard rollproof/*)) build/typing/rollproof/
	@$(BIN)/mypy

bench: $(STAMP)  ## run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

mutants: $(STAMP)  ## judge small wrong changes of the reference (ARGS="--sample 40" for some of them)
	@$(BIN)/python -m benchmarks.mutants $(ARGS)

fuzz: $(STAMP)  ## run the randomized tests for long
	@ROLLPROOF_FUZZ=1 $(BIN)/python -m pytest -m fuzz $(ARGS)

conform-real: $(STAMP)  ## judge the libraries of the league, and compare with conformance/results (ARGS=NAME: one)
	@$(BIN)/python -m rollproof.conformance.real $(ARGS)

# The test builds the wheel from the source archive, installs it into an empty environment and uses it elsewhere.
dist: $(STAMP)  ## build a release in dist/ (source archive and wheel), install it elsewhere, run every command there
	@rm -rf dist
	@ROLLPROOF_DIST=dist $(BIN)/python -m pytest -n0 -m '' tests/rollproof/test_wheel.py $(ARGS)
	@ls dist

docs: $(STAMP)  ## make the site: lessons, playground, theorems, in build/site
	@$(BIN)/python -m rollproof.lessons.site

docs-serve:  ## show the site at a port of this machine
	@$(BIN)/python -m rollproof.lessons.site --serve

docs-test: docs  ## test the site in a browser, without a network; takes minutes
	@ROLLPROOF_SITE=build/site $(BIN)/python -m pytest -n0 tests/lessons/test_site.py tests/model/test_explorer.py $(ARGS)

clean:  ## remove .venv and everything generated
	@rm -rf $(VENV) build dist *.egg-info .hypothesis .benchmarks .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
