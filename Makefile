# Needs Python 3.11 with pip, and make; everything else goes into .venv.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := build/demo

.PHONY: setup test check lint docs coverage demo soak clean

# What `make coverage` runs; `make coverage TESTS=tests/creative_logs` measures a part.
TESTS := tests
# The processes among which the tests of whole files are shared out; each needs up to 3 GB of memory.
JOBS := 2
PYTEST := $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
# Tests that need neither TFX nor a server.
CHECKS := tests/creative_logs tests/components/sctr_evaluator/estimators tests/components/sctr_evaluator/sums \
	tests/components/sctr_evaluator/results tests/components/sctr_evaluator/report tests/packaging/test_imports.py \
	tests/packaging/test_verbs.py tests/serving/client/test_request.py tests/serving/client/test_selection.py \
	tests/serving/decisions tests/serving/test_tensor_protos.py tests/tfx_pipeline/console/test_step_errors.py \
	tests/tfx_pipeline/test_config.py tests/tfx_pipeline/test_window.py tests/tfx_pipeline/test_serving_skew.py \
	tests/cli/test_bench.py
NEED_MORE := tests/serving/decisions/test_loop.py tests/components/sctr_evaluator/estimators/test_feature_skew.py

setup: $(INSTALLED)

$(INSTALLED): requirements.lock setup.py tfx_pipeline/version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
		|| { echo 'make setup: Python 3.11 is missing: install it, or set PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 \
		|| { echo 'make setup: $(PYTHON) has no pip: install it (Debian: apt-get install python3-pip)' >&2; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --require-hashes -r requirements.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

test: setup
	$(PYTEST)

# For the hour-by-hour loop: under three minutes on two cores.
check: lint
	$(PYTEST) $(CHECKS) $(NEED_MORE:%=--ignore=%)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	@[ -f mkdocs.yml ] || { echo 'make docs: mkdocs.yml is missing' >&2; exit 1; }
	$(BIN)/mkdocs build --strict --site-dir build/site

coverage: setup
	rm -f build/.coverage*
	COVERAGE_FILE=$(CURDIR)/build/.coverage $(BIN)/coverage run $(PYTEST) $(TESTS)
	COVERAGE_FILE=build/.coverage $(BIN)/coverage combine --quiet
	COVERAGE_FILE=build/.coverage $(BIN)/coverage report

# From no logs at all to one answer of a server. Run again, it goes on where it stopped.
demo: setup
	@[ -d $(DEMO)/logs ] || $(BIN)/genco simulate --out $(DEMO)/logs --ads 300 --days 10 --rows 25000 --test-share 0.2
	$(BIN)/genco run --config configs/demo.yaml
	@ls $(DEMO)/serving/genco/*/saved_model.pb >/dev/null 2>&1 \
		|| { echo 'make demo: no model was blessed, so there is none to serve' >&2; exit 1; }
	@set -e; \
	$(BIN)/genco serve --model-base-path $(DEMO)/serving/genco --port 0 > $(DEMO)/server.log & server=$$!; \
	trap 'kill $$server 2>/dev/null; wait $$server' EXIT; \
	until address=$$(grep -so 'localhost:[0-9]*' $(DEMO)/server.log); do kill -0 $$server; sleep 0.2; done; \
	echo "$(BIN)/genco select --address $$address --from-logs $(DEMO)/logs"; \
	$(BIN)/genco select --address $$address --from-logs $(DEMO)/logs

# Five minutes of load on the embedded server: fails where a request does, or its memory grows.
soak: setup
	$(BIN)/genco bench serving-soak --minutes 5

clean:
	rm -rf build $(VENV)
