# Every target does its own set-up: python3 (3.11 or later), its venv module and make are all that must be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

RECIPIENT ?= student@hust.example

.PHONY: walk test check static bench soak fuzz format catalogues clean

# One message's whole way through the simulated internet, as text.
walk: $(READY)
	@$(BIN)/smtplab walk $(RECIPIENT) --plain

# Two processes, a file of tests in one of them from first to last: what a peer's fixture starts is started once.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

# The UI in processes of its own: its tests wait for what is painted, and a heap full of everything else slows that.
test: $(READY)
	@$(PYTEST) --ignore=tests/ui $(COVERAGE)
	@$(PYTEST) tests/ui

# `make check test` runs the tests once, for both.
check: COVERAGE := --cov --cov-report=term:skip-covered
check: static test

static: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/catalogues.py check

# All of them, though one should miss what it is asked for.
bench: $(READY)
	@missed=0; for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || missed=1; done; exit $$missed

# Hundreds of kills under load, of a queue (a failure prints its seed) and of a server.
soak: $(READY)
	$(BIN)/python tests/soak/soak_queue.py --kills 300
	SMTPLAB_KILLS=300 $(BIN)/pytest -q --timeout=0 tests/serve/test_serve_kills.py

# Millions of sessions said to a receiver, eight minutes of CPU for each; an input that breaks something is printed.
fuzz: $(READY)
	$(BIN)/python tests/soak/fuzz_receive.py --inputs 2000000

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Compiles the texts of both languages; the compiled ones are committed.
catalogues: $(READY)
	$(BIN)/python tools/catalogues.py build

clean:
	rm -rf $(VENV) .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamp is newer than what it was made from, so that a second run needs no network.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "smtplab needs Python 3.11 or later, and $(PYTHON) is older; name another: make PYTHON=python3.12")'
	@if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
		uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	fi
	@touch $(READY)
