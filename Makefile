# audiolab: `make gallery` builds the site, `make test` runs everything CI runs. `make help` lists the rest.
# Both set up their own .venv (and FFmpeg, where the system's package manager is within reach) the first time.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup gallery test serve notebooks lint format types unit doctest wheel notebooks-check site site-check nbmake browser bench bench-codec clean

VENV := .venv
BIN  := $(VENV)/bin
# Two threads that fight over two cores are slower than one, and a forked reader deadlocks with OpenMP.
export OMP_NUM_THREADS ?= 1
export MPLBACKEND := Agg
export PYTHONDONTWRITEBYTECODE ?=
ONLY ?=
PORT ?= 8000
# pytest-xdist workers; each imports torch (about 400 MB).
JOBS ?= 2
export AUDIOLAB_GALLERY = $(ONLY)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make gallery ONLY=encoding   one folder of examples/"

setup:  ## .venv, packages and FFmpeg (the other targets call it)
	@.ci/setup

# -------------------------------------------------------------------------------------------- the site
gallery: setup  ## build the executed site into docs/_build/html (only what changed)
	@.ci/site incremental

site: setup  ## build the site from nothing, warnings are errors
	@.ci/site clean

serve: gallery  ## build, then serve on http://localhost:8000 (PORT=)
	@echo "http://localhost:$(PORT)/ (Ctrl-C ends)"; $(BIN)/python -m http.server --bind 127.0.0.1 --directory docs/_build/html $(PORT)

notebooks: setup  ## derive notebooks/ from examples/
	@$(BIN)/python docs/_ext/notebooks.py

# --------------------------------------------------------------------------------------------- the tests
test:  ## everything CI runs, cheap stages first
	@.ci/setup --test
	@.ci/test

lint: setup  ## ruff, format check, types, floors, docstrings, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q tests/test_docstrings.py
	$(BIN)/codespell audiolab examples docs tests conf.py README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/mypy

format: setup  ## ruff format and the safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: setup  ## unit, property and parity tests
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not browser and not site and not wheel" tests

doctest: setup  ## the examples in docstrings and README
	$(BIN)/pytest -q --doctest-modules --doctest-glob='*.md' audiolab README.md

wheel: setup  ## build the wheel, install it away from the tree, use it there
	$(BIN)/pytest -q -m wheel tests/packaging

notebooks-check: setup  ## notebooks/ equals what examples/ gives
	$(BIN)/python docs/_ext/notebooks.py --check

site-check: setup  ## links, budgets, sounds and accessibility of the built site
	$(BIN)/pytest -q -m site tests/site

nbmake: setup  ## execute every notebook
	$(BIN)/pytest -q --nbmake --nbmake-timeout=300 -n $(JOBS) -o filterwarnings= -o testpaths= notebooks

browser: setup  ## the player in Chromium, on the built site
	$(BIN)/pytest -q -m browser tests/browser

bench: setup  ## speed, side by side with what people use today
	@for script in $(filter-out %/bench_rate_distortion.py,$(wildcard tests/benchmarks/bench_*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

bench-codec: setup  ## our codec beside Opus, MP3 ...: 15 minutes the first time (CLIPS=folder of recordings, JOBS=)
	$(BIN)/python tests/benchmarks/bench_rate_distortion.py --jobs $(JOBS) $(if $(CLIPS),--clips $(CLIPS))

clean:  ## remove what was built (not .venv)
	rm -rf .build docs/_build docs/auto_examples docs/gen docs/api/generated docs/_static/audio docs/sg_execution_times.rst
