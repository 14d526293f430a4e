# `make demo` and `make test` need Python 3.11 or newer and make; everything else is installed into .venv, pinned with hashes.

PYTHON ?= python3
BIN := .venv/bin
CODE := integration connectors tasks commands

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: install help demo test lint format types imports check bench chaos audit fuzz clean

help: ## these lines
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: .venv/run.stamp ## the whole thing with simulated systems; ORDERS=200 ends by itself; PAIR=clarity-sage100 for the second pair
	@$(BIN)/integration demo $(if $(PAIR),--pair $(PAIR)) $(if $(ORDERS),--orders $(ORDERS))

install: .venv/run.stamp ## what it needs to run, into .venv

# One process more than cores: many tests wait for others more than they compute.
test: .venv/dev.stamp ## the whole suite; ARGS="tests/unit -k mapping" for a part
	@$(BIN)/pytest --numprocesses 3 --dist loadfile $(ARGS)

lint: .venv/dev.stamp ## ruff: faults and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: .venv/dev.stamp ## mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: .venv/dev.stamp ## mypy, strict
	@$(BIN)/mypy

imports: .venv/dev.stamp ## which package may import which
	@$(BIN)/lint-imports --no-logo

check: lint types imports test ## all of the above

bench: .venv/dev.stamp ## the measurements of benchmarks/; they take minutes
	@$(BIN)/python -m benchmarks

chaos: .venv/dev.stamp ## everything fails while orders flow; PAIR=clarity-sage100, QUICK=1, SEED=7, REPLAY=1 for the kept cases; see docs/chaos.md
	@$(BIN)/python -m chaos $(if $(PAIR),--pair $(PAIR)) $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED)) $(if $(REPLAY),--replay)

audit: .venv/dev.stamp ## known vulnerabilities of the pinned packages; asks a service on the internet
	@$(BIN)/python requirements/audit.py

fuzz: .venv/dev.stamp ## many more examples of tests/fuzz; MINUTES=60 for an hour, else ten minutes
	@$(BIN)/python tests/fuzz $(MINUTES)

clean: ## remove .venv and caches; never .integration, which holds data and keys
	rm -rf .venv benchmarks/peers/*/.venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info

# A stamp stands for an installed list: pip runs again only when the list or the project's entry points change.
.venv/%.stamp: requirements/%.txt requirements/install.py pyproject.toml
	@$(PYTHON) requirements/install.py $*
	@touch $@

.venv/dev.stamp: requirements/run.txt
