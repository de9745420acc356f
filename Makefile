# Everything below .venv is made from the lock files; `make demo` and `make test` need git, make and Python 3.11 or newer.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
DEMO ?= demo

.PHONY: demo test lint lock lock-windows docs clean

demo: .venv/core
	$(BIN)/xuncha demo $(DEMO)

test: .venv/dev lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The virtual environment itself, with uv inside it to install the locked packages quickly.
.venv/made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt install python3 python3-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python lacks venv: apt install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-build.lock
	touch $@

.venv/core: .venv/made requirements.lock pyproject.toml
	test -e .venv/dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev: .venv/made requirements-dev.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

# Resolve the locks again; --no-header and no indexes keep hosts out of them.
lock: .venv/made
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --output-file requirements-build.lock requirements-build.in
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

# Every locked package has a wheel for 64-bit Windows; nothing is installed.
lock-windows: .venv/made
	$(BIN)/uv pip install --dry-run --quiet --python $(BIN)/python --python-platform x86_64-pc-windows-msvc --only-binary :all: --require-hashes --target .venv/windows --requirement requirements.lock

# Pages and the default configuration that are generated from the code.
docs: .venv/dev
	$(BIN)/python -m tests.generated --write

clean:
	rm -rf .venv $(DEMO)
