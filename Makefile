# Every target sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
# Tests start many processes: what those import is compiled once, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "penstock needs Python 3.11 or newer: install it, or set PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "penstock needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: install your system's python3-venv package"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements-dev.txt)"

$(VENV)/.runtime: requirements.txt pyproject.toml | $(BIN)/uv
	@echo "installing Penstock into $(VENV) ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "installing the development tools ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev ## create .venv with everything the tests need

.PHONY: lock
lock: | $(BIN)/uv ## pin the dependencies again (with hashes, without addresses)
	@$(BIN)/uv pip compile --upgrade -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --extra embedded --group build pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --upgrade -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --extra embedded --group build --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

.PHONY: demo
demo: $(VENV)/.runtime ## a broker, a worker and a dozen requests, from nothing (PATTERN=name: one agent pattern; PATTERN=list)
	@$(BIN)/penstock demo $(if $(PATTERN),--pattern $(PATTERN) $(if $(OPENAI_API_KEY),--live)) $(DEMO_FLAGS)

.PHONY: test
test: setup ## everything: lint, types, import contracts and all tiers of tests
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory test-unit test-topology
	@$(MAKE) --no-print-directory test-servers

.PHONY: check
check: $(VENV)/.dev ## lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

.PHONY: test-unit
test-unit: $(VENV)/.dev ## pure tests: no I/O, no sleep
	@$(BIN)/pytest tests/unit tests/agents -q

.PHONY: test-topology
test-topology: $(VENV)/.dev ## the whole pipeline in memory, with a fake clock
	@$(BIN)/pytest tests/topology tests/contract -q -m "not broker"

.PHONY: test-broker
test-broker: $(VENV)/.dev ## real Kafka, real Redis, real PostgreSQL, real HTTP (needs Java 17, Maven, redis-server, prometheus, postgresql)
	@$(BIN)/pytest tests/broker tests/contract -q -m broker

.PHONY: test-chaos
test-chaos: $(VENV)/.dev ## the short crash matrix: some fifty faults under load, judged by verify
	@$(BIN)/python -m tests.chaos --page .penstock/crash-matrix.md

# All wait for their servers much of the time, so two run side by side, about as long each: most of the broker tests;
# and the matrix, which yields, with all others behind it.
BESIDE := .penstock/beside.log
FIRST := $(filter-out $(wildcard tests/broker/test_[l-r]*.py),$(sort $(wildcard tests/broker/test_*.py)))
.PHONY: test-servers
test-servers: $(VENV)/.dev ## the broker tests and the short crash matrix
	@mkdir -p .penstock; \
	{ nice -n 5 $(BIN)/python -m tests.chaos --page .penstock/crash-matrix.md; matrix=$$?; \
	  $(BIN)/pytest tests/broker tests/contract $(FIRST:%=--ignore=%) -q -m broker && [ $$matrix -eq 0 ]; \
	} >$(BESIDE) 2>&1 & beside=$$!; \
	$(BIN)/pytest $(FIRST) -q -m broker; broker=$$?; \
	echo "and beside them, the crash matrix and the other broker tests:"; \
	if wait $$beside; then grep -E '^\{"faults"|^[0-9]+ passed' $(BESIDE); else cat $(BESIDE); false; fi && [ $$broker -eq 0 ]

.PHONY: crash-matrix
crash-matrix: $(VENV)/.dev ## break everything around a loaded deployment, and verify (LONG=1, SEED=n, MUTANT=name)
	@$(BIN)/python -m tests.chaos --page docs/crash-matrix.md $(if $(filter 1,$(LONG)),--long) $(if $(SEED),--seed $(SEED)) $(if $(MUTANT),--mutant $(MUTANT))

.PHONY: test-container
test-container: $(VENV)/.dev ## Kafka and Redis in Docker, where an engine answers
	@$(BIN)/pytest tests/container -q

.PHONY: bench
bench: $(VENV)/.dev ## what Penstock costs beside the bare SDK and a bare loop (needs Java 17, Maven, redis-server)
	@$(BIN)/python -m benchmarks.throughput $(BENCH_FLAGS)

.PHONY: bench-recovery
bench-recovery: $(VENV)/.dev ## how late parked work is run, and how long runs stand still when workers die or leave
	@$(BIN)/python -m benchmarks.recovery $(BENCH_FLAGS)

.PHONY: bench-tenants
bench-tenants: $(VENV)/.dev ## whether limits hold over crashes, and what a flood and many tenants cost (needs Java 17, Maven, redis-server)
	@$(BIN)/python -m benchmarks.tenants $(BENCH_FLAGS)

.PHONY: bench-patterns
bench-patterns: $(VENV)/.dev ## what each agent pattern costs, durable and on the bare SDK (needs Java 17, Maven, redis-server)
	@$(BIN)/python -m benchmarks.patterns $(BENCH_FLAGS)

.PHONY: bench-guardrails
bench-guardrails: $(VENV)/.dev ## what guardrails cost a request, and whether long texts keep the event loop waiting
	@$(BIN)/python -m benchmarks.guardrails $(BENCH_FLAGS)

.PHONY: docs
docs: $(VENV)/.dev ## write the generated pages and schemas again
	@$(BIN)/python -m schemas.catalogue --write
	@$(BIN)/python -m app.docs --write

.PHONY: clean
clean: ## remove the environment and what the demo left behind
	rm -rf $(VENV) .penstock
