# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo test check bench soak services lock install clean

demo: $(RUN_STAMP)  ## install what running needs, then simulate a week, ingest it over MQTT and report
	$(BIN)/vigiposte demo $(DEMO_ARGS)

test: $(DEV_STAMP) services  ## install everything, then run all tests
	$(BIN)/python -m pytest $(TEST_ARGS)

check: $(DEV_STAMP)  ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV_STAMP)  ## measurements as ratios against named baselines; nothing is asserted
	for script in tests/benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

soak: $(DEV_STAMP) services  ## the fault and fuzz tests at length
	VIGIPOSTE_SOAK=1 $(BIN)/python -m pytest --timeout=3600 tests/ingest tests/indicators tests/analysis tests/sensors tests/soak tests/dashboards/test_scan.py

services:  ## Mosquitto, InfluxDB and Chromium from Debian's packages, where missing and allowed
	@sh tests/install_services.sh

install: $(DEV_STAMP)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(DEV_STAMP): requirements-dev.lock $(RUN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

lock:  ## pin every dependency with hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --extra web --extra pdf --extra xlsx --group build pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --all-extras --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) vigiposte-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
