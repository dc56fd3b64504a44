# make demo | test | check | docs | clean: each sets up all that it needs, from python3 (>= 3.11) alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

export DO_NOT_TRACK := 1
export UV_LINK_MODE := copy
# Where nothing compiled is kept, each process that runs a flow compiles 3,000 modules anew: 10 s of CPU instead of 5.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-five demo-history demo-privacy demo-quarantine bench bench-read bench-event bench-scale test-deep test-slow test-chaos \
	test check format docs up down lock setup clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    the main job, end to end, on the bundled samples"
	@echo "make demo-five   whole pipelines from their samples, one line each"
	@echo "make demo-history   a late file, a retraction and a rollback, as a story"
	@echo "make demo-privacy   a masked row, a denied and an audited reveal, an erasure, the proof"
	@echo "make demo-quarantine   bad rows go back to their owner, and come in again mended, as a story"
	@echo "make test    all tests but the slow ones"
	@echo "make test-slow   those that kill or scale processes for minutes"
	@echo "make test-deep   the property tests with many examples"
	@echo "make check   format, lint, types, layering"
	@echo "make docs    the warehouse's documentation as one static page"
	@echo "make bench   history: each step as a ratio to a bare COPY (ROWS=1000000 ROUNDS=3 PART=full|delta|year|dbt|dlt|split|mask)"
	@echo "make bench-read   the reader: Pollock's pollutions, speed beside COPY and others, peak memory"
	@echo "make up      Prefect, worker, event consumer, documentation, on loopback (SLUICE_DEMO_S3=1: an S3 too); make down"
	@echo "make test-chaos   kill -9 of everything at random during a stream of deliveries, and an account at the end"
	@echo "make bench-event  seconds from an object in the bucket to published rows; make bench-scale: by 1 and 4 processes"
	@echo "make lock    resolve requirements.lock anew"
	@echo "make clean   remove the environment and the demo's home"

# uv itself comes by pip, checked against the same lock; it then installs the rest within seconds.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ {on = 1} on && !/^uv==/ && !/^ / {on = 0} on' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@touch $@

setup: $(VENV)/.ready

demo: setup
	@$(BIN)/python -m flows.demo

demo-five: setup
	@$(BIN)/python -m flows.demo_five

demo-history: setup
	@$(BIN)/python -m flows.demo_history

demo-privacy: setup
	@$(BIN)/python -m flows.demo_privacy

demo-quarantine: setup
	@$(BIN)/python -m flows.demo_quarantine

test-deep: setup
	@DEEP_EXAMPLES=$${DEEP_EXAMPLES:-1000} $(BIN)/python -m pytest tests/dbt_project/test_history.py \
		tests/dbt_project/test_history_columns.py tests/dbt_project/test_supplements.py -k function
	@DEEP_EXAMPLES=$${DEEP_EXAMPLES:-1000} $(BIN)/python -m pytest tests/flows/test_erase_property.py
	@DEEP_EXAMPLES=$${DEEP_EXAMPLES:-1000} $(BIN)/python -m pytest -n 2 tests/extract/test_read_properties.py \
		tests/extract/test_read_dialects.py
	@DEEP_KILLS=$${DEEP_KILLS:-100} $(BIN)/python -m pytest tests/test_kill.py -k random

test: setup
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: setup
	@$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	@$(BIN)/python -m flows.pages
	@$(BIN)/sluice docs

bench: setup
	@$(BIN)/python tests/bench/$(or $(filter split mask,$(PART)),history).py --rows $${ROWS:-1000000} \
		--rounds $${ROUNDS:-3} $(addprefix --part ,$(filter-out split mask,$(PART)))

bench-read: setup
	@$(BIN)/python -m tests.bench_read.pollock
	@$(BIN)/python -m tests.bench_read.speed

# Running for real: Prefect, worker, event consumer, pages; SLUICE_DEMO_S3=1 adds an S3 of its own.
up: setup
	@$(BIN)/sluice up

down: setup
	@$(BIN)/sluice down

test-chaos: setup
	@$(BIN)/python -m tests.chaos $${SEED:+--seed $$SEED} --deliveries $${DELIVERIES:-40} --kills $${KILLS:-30} --seconds $${SECONDS_OF_KILLS:-420}

bench-event: setup
	@$(BIN)/python -m tests.bench.event

bench-scale: setup
	@$(BIN)/python -m tests.bench.scale

COMPILE := pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --quiet
lock: setup
	$(BIN)/uv $(COMPILE) pyproject.toml --extra dev --output-file requirements.lock
	$(BIN)/uv $(COMPILE) tests/bench/peers.in --output-file tests/bench/peers.lock

clean:
	@if test -x $(BIN)/sluice; then $(BIN)/sluice stop; fi
	rm -rf $(VENV) .sluice *.egg-info .mypy_cache .ruff_cache .pytest_cache
