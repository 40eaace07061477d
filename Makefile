# Every task of the project; `make help` lists them. `make run` and `make test` need nothing but Python 3.11 or later.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
# The tests share the cores; a test that is run by hand needs no second process.
PYTEST_PROCESSES := --numprocesses auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test check golden bench lock clean

help:            ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One environment serves all tasks; a stamp file tells which lock it was made from.
$(VENV)/run.stamp: requirements/run.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.lock
	touch $@

run: $(VENV)/run.stamp      ## the demo: its data, the API and the dashboard, on 127.0.0.1:8000
	$(BIN)/metric-engine serve --demo --port $(PORT)

test: $(VENV)/dev.stamp     ## every test, on real databases; ARGS=--all asks every generated question
	$(BIN)/python -m pytest $(PYTEST_PROCESSES) $(ARGS)

check: $(VENV)/dev.stamp    ## ruff, types, the metric files, their schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/metric-engine validate metrics
	$(BIN)/metric-engine test metrics
	$(BIN)/metric-engine schema | diff -u metrics/schema.json -
	$(BIN)/metric-engine schema --insights | diff -u metrics/insights.schema.json -
	$(BIN)/metric-engine schema --language | diff -u metrics/language.schema.json -

golden: $(VENV)/dev.stamp   ## write the golden files again; read the difference before you commit it
	$(BIN)/metric-engine schema > metrics/schema.json
	$(BIN)/metric-engine schema --insights > metrics/insights.schema.json
	$(BIN)/metric-engine schema --language > metrics/language.schema.json
	$(BIN)/python -m tests.golden
	$(BIN)/python -m tests.docs
	$(BIN)/python -m tests.support.published

bench: $(VENV)/dev.stamp    ## the figures of docs/benchmarks.md
	$(BIN)/python -m bench

lock: $(VENV)/dev.stamp     ## pin the newest versions that pyproject.toml admits
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --output-file requirements/run.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --constraint requirements/run.lock --output-file requirements/dev.lock --group dev

clean:           ## remove the environment and the demo's database
	rm -rf $(VENV) .metric-engine
