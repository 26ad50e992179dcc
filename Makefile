# One file of recipes, no logic: what a target does is in scripts/ or in the module it starts.
# STATE=dir and PORT_OFFSET=n let several copies run side by side.
SHELL := /bin/bash
.DELETE_ON_ERROR:

STATE ?= .state
PORT_OFFSET ?= 0
export STATE PORT_OFFSET
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONDONTWRITEBYTECODE # else each of the hundreds of processes that tests start compiles our code anew

PY := .venv/bin/python
UV := .tools/bin/uv

# One more than processors: the stories wait half of their time.
WORKERS = $$(($$(nproc) + 1))

.PHONY: help setup run up down test test-long unit check format bench package pins clean browser

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/ready node_modules/ready ## everything the project needs, into this folder

$(UV): scripts/requirements-uv.txt
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/ready: requirements-dev.txt $(UV)
	$(UV) venv --quiet --clear --python "$$(scripts/find-python $(UV))" .venv
	$(UV) pip sync --quiet --compile-bytecode --python $(PY) --require-hashes requirements-dev.txt
	@touch $@

node_modules/ready: package-lock.json .venv/ready
	npm ci --ignore-scripts --no-progress --loglevel=error
	@touch $@

run: setup ## the whole thing in the foreground on the local cloud, with hub r5
	$(PY) -m local run

up: setup ## the same services in the background, without a hub
	$(PY) -m local up

down: setup ## stops what make up started
	$(PY) -m local down

unit: setup ## the fast tests: decisions, no processes
	scripts/unit

test: setup browser ## all tests, and of the exhaustive ones a sample
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not long"

test-long: setup ## the exhaustive tests: every kill, every zone for a year
	$(PY) -m pytest -q -n $(WORKERS) --dist load -m long

check: setup ## format, lint, types, imports, pins
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	scripts/check-pins

format: setup ## rewrites the formatting, and what docs/hub.md and docs/architecture.md show of the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	$(PY) scripts/hub-doc.py
	$(PY) scripts/architecture-doc.py

bench: setup ## the benchmark table, also as build/bench.json
	$(PY) -m tests.bench

package: setup ## the deployable zip
	$(PY) scripts/package.py

pins: $(UV) ## writes requirements*.txt again from pyproject.toml
	scripts/pin

browser:
	@scripts/ensure-chromium

clean: ## removes everything that make made
	rm -rf .venv .tools node_modules build .state
