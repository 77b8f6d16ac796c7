# Works with GNU make 3.81, which macOS ships, and needs nothing else but Python 3.11 to 3.13.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.synced
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never

# A shell condition: whether "$$python" can run Tocsin and make a virtual environment.
SUITABLE = "$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
UV = $$(command -v uv || echo $(VENV)/bin/uv)
REQUIREMENTS := $(VENV)/requirements.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check clauses lint format bench clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Create .venv with everything in it; done by the others when needed

demo: $(STAMP) ## Watch an incident run from alert to archive, without any account
	@$(PYTHON) -m tocsin.embedded demo

up: $(STAMP) ## Run Tocsin on this machine: server, worker, receiver, sandbox
	@$(PYTHON) -m tocsin.embedded up

test: $(STAMP) ## Run every test
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow"
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m slow

check: lint ## Formatting, lint, types and the fast tests, in some three minutes
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow"

clauses: $(STAMP) ## What the shipped policies demand, clause by clause, and whether it holds
	@$(PYTHON) -m tests.clauses

lint: $(STAMP) ## Formatting, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(STAMP) ## Format the code and put right what ruff can
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(STAMP) ## Measure
	@$(PYTHON) -m bench

clean: ## Remove caches; the environment and the records stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Where uv can't reach the package index, pip may: it knows the mirror, proxy and certificates of its own configuration.
$(STAMP): pyproject.toml uv.lock | $(PYTHON)
	@command -v $(UV) >/dev/null || $(PYTHON) -m pip install --quiet uv
	@$(UV) sync --quiet --frozen --inexact --python $(PYTHON) || { \
	    echo "uv could not install the dependencies; trying pip with this machine's own settings" >&2; \
	    $(UV) export --quiet --frozen --no-emit-project --output-file $(REQUIREMENTS) && \
	    $(PYTHON) -m pip install --quiet --require-hashes --requirement $(REQUIREMENTS) && \
	    $(PYTHON) -m pip install --quiet --no-deps --editable .; }
	@touch $@

$(PYTHON):
	@for python in python3.13 python3.12 python3.11 python3; do \
	    if $(SUITABLE); then echo "creating $(VENV) with $$(command -v $$python)"; exec "$$python" -m venv --clear $(VENV); fi; \
	done; \
	echo "Tocsin needs Python 3.11, 3.12 or 3.13 with its venv and ensurepip modules, and none was found on PATH." >&2; \
	echo "Install one (Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13)." >&2; \
	exit 1
