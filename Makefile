# Every task of the project; `make help` lists them. `make run` and `make test` need nothing but Python 3.11 or later.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
PIP    := $(BIN)/python -m pip
# Every package is one that a lock names by its hash, those that build this one too. pip would compile their modules on
# one core; those that are no valid Python, as a package's templates, are passed over.
LOCKED := $(PIP) install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement
COMPILED := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
# Compiled modules are kept, whatever the machine says: hundreds of processes would each compile all of them again.
export PYTHONDONTWRITEBYTECODE :=
# Two processes a core, since many tests wait for servers; a test that is run by hand needs no second.
PYTEST_PROCESSES := --numprocesses $(shell $(PYTHON) -c "import os; print(2 * (os.cpu_count() or 1))") --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test test-fast check check-types check-rest audit golden bench bench-peers wheel lock clean

help:            ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One environment serves all tasks; a stamp file tells which lock it was made from.
$(VENV)/run.stamp: requirements/run.lock requirements/build.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(LOCKED) requirements/run.lock
	$(LOCKED) requirements/build.lock
	$(PIP) install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(COMPILED)
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.lock
	$(LOCKED) requirements/dev.lock
	$(COMPILED)
	touch $@

run: $(VENV)/run.stamp      ## the demo: its data, the API and the dashboard, on 127.0.0.1:8000
	$(BIN)/python -m web.build
	$(BIN)/metric-engine serve --demo --reload --port $(PORT)

test: $(VENV)/dev.stamp     ## every test, on real databases; ARGS=--all asks every generated question
	$(BIN)/python -m web.build --with-checks
	$(BIN)/python -m pytest $(PYTEST_PROCESSES) $(ARGS)

test-fast: $(VENV)/dev.stamp ## a sample without servers, processes and slow tests, within a minute
	$(BIN)/python -m pytest --fast --numprocesses auto --dist worksteal $(ARGS)

check: check-types check-rest ## ruff, types, the metric files, their schema, the page's types, known vulnerabilities

# Apart, so that `make --jobs 2 check` does both at once.
check-types: $(VENV)/dev.stamp
	$(BIN)/mypy

check-rest: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/metric-engine validate metrics
	$(BIN)/metric-engine test metrics
	$(BIN)/metric-engine schema | diff -u metrics/schema.json -
	$(BIN)/metric-engine schema --insights | diff -u metrics/insights.schema.json -
	$(BIN)/metric-engine schema --language | diff -u metrics/language.schema.json -
	$(BIN)/python -m web.build --check
	$(AUDIT)

# Where no database of vulnerabilities can be reached, it says so and passes.
AUDIT = $(BIN)/python -m tests.support.audit requirements/run.lock requirements/build.lock requirements/dev.lock
audit: $(VENV)/dev.stamp    ## known vulnerabilities of what the locks name
	$(AUDIT)

golden: $(VENV)/dev.stamp   ## write the golden files again; read the difference before you commit it
	$(BIN)/metric-engine schema > metrics/schema.json
	$(BIN)/metric-engine schema --insights > metrics/insights.schema.json
	$(BIN)/metric-engine schema --language > metrics/language.schema.json
	$(BIN)/python -m tests.golden
	$(BIN)/python -m tests.docs
	$(BIN)/python -m tests.support.published
	$(BIN)/python -m web.build --types

bench: $(VENV)/dev.stamp    ## the figures of docs/benchmarks.md
	$(BIN)/python -m bench

bench-peers: $(VENV)/dev.stamp ## the same widget asked of other semantic layers, which it installs elsewhere
	$(BIN)/python -m bench.peers

wheel: $(VENV)/dev.stamp    ## the wheel and beside it, as CycloneDX, the inventory of what it runs with, in dist/
	$(BIN)/python -m web.build
	$(PIP) wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file dist/metric-engine.cdx.json requirements/run.lock

lock: $(VENV)/dev.stamp     ## pin the newest versions that pyproject.toml admits
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --output-file requirements/run.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --constraint requirements/run.lock --output-file requirements/build.lock --group build
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --constraint requirements/run.lock --constraint requirements/build.lock \
		--output-file requirements/dev.lock --group dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --output-file requirements/node.lock --group node

clean:           ## remove the environment and the demo's database
	rm -rf $(VENV) .metric-engine
