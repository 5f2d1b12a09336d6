# One command for each thing a newcomer wants. `make` alone lists them.

PYTHON_VERSION ?= >=3.11
DEMO ?= demo-company

VENV := .venv
BIN := $(VENV)/bin
KEEPWELL := $(BIN)/keepwell

# Each stamp is younger than the lock that it was installed from.
ENVIRONMENT := $(VENV)/pyvenv.cfg
BASE := $(VENV)/.installed-base
DEV := $(VENV)/.installed-dev

define INSTALL
uv=$$(sh tools/uv.sh) && "$$uv" pip install --quiet --python $(BIN)/python --require-hashes -r $(1)
endef
# --build-constraint pins, with hashes, what builds the package too.
define INSTALL_KEEPWELL
uv=$$(sh tools/uv.sh) && "$$uv" pip install --quiet --python $(BIN)/python --no-deps \
	--build-constraint requirements/build.txt -e .
endef

LOCK = "$$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(LOCK_FLAGS)

# What `make demo` does once Keepwell is installed.
define DEMO_COMMANDS
test -e $(DEMO)/keepwell.yaml || $(KEEPWELL) demo $(DEMO) --score
$(KEEPWELL) accounts --project $(DEMO) --limit 15
endef

.DEFAULT_GOAL := help
.PHONY: help install extra demo test format bench docs lock upgrade clean

help: ## list these commands
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:[^#]*## /\t/' | expand -t 10

install: $(BASE) ## put keepwell into .venv/bin
	@echo "Installed: $(KEEPWELL)"

extra: $(BASE) ## add a part to .venv, such as EXTRA=postgres or EXTRA=spark
	uv=$$(sh tools/uv.sh) && "$$uv" pip install --quiet --python $(BIN)/python \
		--constraint requirements/dev.txt --build-constraint requirements/build.txt -e '.[$(EXTRA)]'

demo: $(BASE) ## install, make an example company, score it, show its portfolio
	$(DEMO_COMMANDS)
	@echo
	@echo "Try next:"
	@echo "  $(KEEPWELL) accounts --project $(DEMO) --help     filter and sort the portfolio"
	@echo "  $(KEEPWELL) explain ACCOUNT --project $(DEMO)     why an account has its score"
	@echo "  $(KEEPWELL) --help                                everything else"

test: $(DEV) ## everything that CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

format: $(DEV) ## format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV) ## measure speed and size on this machine
	$(BIN)/python -m benchmarks

docs: $(DEV) ## generate the reference and build the documentation into site/
	$(BIN)/python docs/_generate.py
	$(BIN)/zensical build --strict
	@echo "Built: site/index.html"

lock: ## pin again what pyproject.toml asks for, keeping what still fits
	uv=$$(sh tools/uv.sh) && \
	$(LOCK) pyproject.toml -o requirements/base.txt && \
	$(LOCK) --extra dev --extra docs -c requirements/base.txt pyproject.toml -o requirements/dev.txt && \
	$(LOCK) requirements/build.in -o requirements/build.txt && \
	$(LOCK) --no-annotate requirements/uv.in -o requirements/uv.txt

upgrade: LOCK_FLAGS = --upgrade
upgrade: lock ## pin the newest versions that pyproject.toml allows

clean: ## remove what was installed, built and cached (not your projects)
	rm -rf $(VENV) .tools .cache site dist docs/reference/generated
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ENVIRONMENT):
	uv=$$(sh tools/uv.sh) && "$$uv" venv --quiet --python '$(PYTHON_VERSION)' $(VENV)

# Byte code is made here, once: uv leaves it to the first start, and where Python may not write it
# (a read-only folder, PYTHONDONTWRITEBYTECODE) every start would compile again what it imports.
$(BASE): $(ENVIRONMENT) requirements/base.txt requirements/build.txt pyproject.toml
	$(call INSTALL,requirements/base.txt --compile-bytecode)
	$(INSTALL_KEEPWELL)
	$(BIN)/python -m compileall -q src
	@touch $@

$(DEV): $(BASE) requirements/dev.txt
	$(call INSTALL,requirements/dev.txt)
	@touch $@
