# Two commands set everything up: `make demo` to see it, `make test` to check it.
# The environment lives in .venv; nothing is installed outside but what `make servers` names.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTS  := $(VENV)/.installed-for-tests

.PHONY: demo test install servers format lint types imports contract unit docs bench image-check clean help

help: ## Show what can be made.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "The venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(STAMP): $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Scaling Advisor into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(TESTS): $(STAMP)
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(STAMP) ## Create .venv and install the advisor into it.

demo: $(STAMP) ## 60 simulated days in a minute or two, then the page. ARGS=--once ends by itself.
	@$(BIN)/advisor demo $(ARGS)

servers: ## Real servers for the tests: PostgreSQL, PgBouncer, Prometheus, Chromium.
	@sh tests/install_servers.sh

test: $(TESTS) servers lint types imports unit ## Format, lint, strict types, import contract, tests.

lint: $(TESTS)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(TESTS)
	@$(BIN)/mypy

imports: $(TESTS)
	@$(BIN)/lint-imports

contract: $(TESTS) ## Collectors against official descriptions: ADVISOR_SPECS names their folder.
	@test -n "$$ADVISOR_SPECS" || { echo "Name the folder: make contract ADVISOR_SPECS=..." >&2; exit 1; }
	@$(BIN)/python -m pytest tests/collectors -k "official or schema or shape" $(ARGS)

unit: $(TESTS)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

format: $(TESTS) ## Format the code and mend what ruff can mend.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(TESTS) ## Write the generated pages anew: configuration, vocabulary, coverage, the catalogue's schema.
	@$(BIN)/python docs/generate.py

bench: $(TESTS) ## The figures in bench/README.md. ARGS=evaluate runs one.
	@$(BIN)/python -m bench $(ARGS)

image-check: $(TESTS) ## The Dockerfile's steps from the wheel, as its user, on a read-only root.
	@sh deploy/image_check

clean: ## Remove the environment and what tests left.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
