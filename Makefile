# Everything runs from .venv, which is built from pyproject.toml with the versions in constraints.txt.
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint bench docs lock fixtures clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Madzi needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: .venv/ready ## Start the demo on http://127.0.0.1:$(PORT)
	@exec $(BIN)/madzi demo --port $(PORT)

test: .venv/ready ## Run every test, on SQLite and on PostgreSQL
	@: what fails beside others on a busy machine must hold alone
	$(BIN)/python -m pytest -q -n 4 --dist worksteal || \
	$(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none

lint: .venv/ready ## Style, types, import direction, menus
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/madzi menu lint

bench: .venv/ready ## Measure; writes the table of docs/performance.md
	$(BIN)/python -m benchmarks

docs: .venv/ready ## Generate the diagrams in docs/ from the code
	$(BIN)/python -m tools.diagrams

fixtures: .venv/ready ## Generate the demo city in fixtures/ again from its seed
	$(BIN)/python -m tools.make_fixtures

lock: .venv/ready ## Write constraints.txt from what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --disable-pip-version-check | grep -v ' @ ' > constraints.txt

clean: ## Remove what can be built again
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build *.egg-info
