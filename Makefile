# .venv: Python 3.12 or newer, everything of ours · .venv-rasa: Python 3.10, the Rasa server · one uv.lock
.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help setup run test test-crm check bench bench-nlu clean browser types screenshots transcript

# Any Python from 3.10 on brings uv where it is missing or too old for the lock; uv brings the rest.
PYTHON ?= python3
UV := $(shell uv --version 2>/dev/null | awk '{split($$2, v, "."); if (v[1] > 0 || v[2] >= 12) print "uv"}')
ifeq ($(UV),)
UV := .tools/bin/uv
UV_MISSING := .tools/bin/uv
endif

# pyenv hides the Pythons that are not selected: show them to uv, which else downloads its own.
PYENV_ROOT ?= $(HOME)/.pyenv
PYENV := $(wildcard $(PYENV_ROOT)/versions/3.12.*/bin $(PYENV_ROOT)/versions/3.10.*/bin)
ifneq ($(PYENV),)
empty :=
export UV_PYTHON_SEARCH_PATH := $(subst $(empty) $(empty),:,$(PYENV)):$(PATH)
endif

SYNC := $(UV) sync --locked --inexact
SYNC_RASA := UV_PROJECT_ENVIRONMENT=.venv-rasa $(SYNC)
BIN := .venv/bin
LOCK := pyproject.toml uv.lock

help:           ## show this list
	@awk -F ' *## ' '/^[a-z-]+:.*## / {sub(/:.*/, "", $$1); printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: .venv/.run .venv-rasa/.run  ## install both environments from the lock

run: setup      ## set everything up, start it all and print the address of the demo shop
	@exec $(BIN)/python -m bot

test: setup .venv/.dev .venv-rasa/.dev .tools/tryton/.installed browser types check  ## every check and every test, in both environments
	$(BIN)/pytest --cov --numprocesses 2 --dist loadfile --ignore tests/e2e
	$(BIN)/pytest --timeout 900 tests/e2e
	.venv-rasa/bin/python -m pytest -c tests/rasa/pytest.ini tests/rasa

test-crm: .venv/.dev .tools/bottlecrm/.installed  ## the tests with a real BottleCRM; its database takes minutes, once
	$(BIN)/python -m tests.sync.real.bottlecrm
	CRM_TALKING=1000 $(BIN)/pytest --timeout 900 tests/sync/real -k bottlecrm
	$(BIN)/pytest tests/sync/contract tests/sync/test_through.py -k bottlecrm

check: .venv/.dev  ## format, lint, types, who may import whom, and every question
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m preferences check

bench: setup .venv/.dev .tools/drt/.installed  ## measure beside a plain Rasa project, and the store beside bare SQL; JSON lines
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench store
	@$(BIN)/python -m tests.bench choosing
	@$(BIN)/python -m tests.bench widget
	@$(BIN)/python -m tests.bench channels
	@exec $(BIN)/python -m tests.bench sync

screenshots: .venv/.dev browser  ## take the pictures of the chat for the documents anew
	@$(BIN)/python -m tests.screenshots

transcript: .venv/.dev  ## print a conversation as a person would read it: make transcript NAME=grief
	@$(BIN)/python -m tests.conversations $(NAME)

bench-nlu: setup .venv/.dev  ## measure what is understood of held-out sentences, beside other pipelines; JSON lines
	@exec $(BIN)/python -m tests.understanding --baselines --diet

clean:          ## remove environments, models and caches; the data folder var stays
	rm -rf .venv .venv-rasa .tools models .rasa .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed for running is enough for running; the tests add to it. Compiled at once, the
# gateway answers as quickly the first time as later.
.venv/.run: $(LOCK) | $(UV_MISSING)
	@echo "Installing the environment of the gateway, the actions and the sync worker …"
	$(SYNC) --compile-bytecode --no-default-groups --group app
	@touch $@

.venv/.dev: $(LOCK) .venv/.run
	$(SYNC)
	@touch $@

.venv-rasa/.run: $(LOCK) | $(UV_MISSING)
	@echo "Installing the environment of the Rasa server (the first time about 2 GB to download) …"
	$(SYNC_RASA) --only-group rasa
	@touch $@

.venv-rasa/.dev: $(LOCK) .venv-rasa/.run
	$(SYNC_RASA) --only-group rasa-test
	@touch $@

# Real CRMs that we are tested against and a peer that we are measured beside, each in an
# environment of its own, pinned with hashes.
define pinned
	@echo "Installing $* …"
	$(UV) venv --quiet --clear --python $(BIN)/python .tools/$*
	$(UV) pip install --quiet --python .tools/$*/bin/python --require-hashes -r $<
	@touch $@
endef

.tools/%/.installed: tests/sync/real/%.txt | .venv/.run
	$(pinned)

.tools/%/.installed: tests/bench/%.txt | .venv/.run
	$(pinned)

# --target needs neither a venv module nor rights on the system's Python.
.tools/bin/uv:
	@echo "Bringing uv into .tools …"
	PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --target .tools 'uv>=0.12'

# Only to check the widget's declarations: a shop's page needs nothing built.
types:
	@if [ -x .tools/node_modules/.bin/tsc ]; then :; \
	elif command -v npm >/dev/null; then \
		npm install --prefix .tools --no-save --silent typescript@5.9.3 \
			|| echo "TypeScript could not be installed: the check of the widget's declarations is skipped."; \
	else \
		echo "No npm here: the check of the widget's declarations is skipped."; \
	fi

browser:
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests …"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; \
	else \
		echo "No Chromium here and no right to install it: the browser tests are skipped."; \
	fi || echo "Chromium could not be installed: the browser tests are skipped."
