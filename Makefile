# Needs Python 3.11 with pip, and make; everything else goes into .venv.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := build/demo

.PHONY: setup test demo soak clean

setup: $(INSTALLED)

$(INSTALLED): requirements.lock setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
		|| { echo 'make setup: Python 3.11 is missing: install it, or set PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 \
		|| { echo 'make setup: $(PYTHON) has no pip: install it (Debian: apt-get install python3-pip)' >&2; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --require-hashes -r requirements.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

test: setup
	$(BIN)/pytest

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
