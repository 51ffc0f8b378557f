# Everything that is done with this tree, one target each. `make` lists them.
# The active virtual environment is used where there is one; otherwise .venv is made from the locks.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
ARGS ?=
WORKERS ?= auto

ifdef VIRTUAL_ENV
BIN := $(VIRTUAL_ENV)/bin
RUNTIME := active-environment
DEVELOPMENT := active-development
else
BIN := .venv/bin
RUNTIME := .venv/runtime.stamp
DEVELOPMENT := .venv/development.stamp
endif

RUN := $(BIN)/python
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check
COMPILE := $(RUN) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	--no-emit-find-links --no-emit-trusted-host --no-emit-options --no-header --annotation-style=line
# Its dependencies do not go together with the bridge's, so it has an environment of its own.
CHECKOV := .work/checkov
GO_BIN := .work/go-bin
GO_TOOLS := github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0 github.com/zegl/kube-score/cmd/kube-score@v1.20.0 \
	github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2 github.com/helm-unittest/helm-unittest/cmd/helm-unittest@v1.0.0
FAST := not kafka and not registry and not property and not proof
REST := (kafka or registry or property) and not proof

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(DEVELOPMENT) ## Install the locked dependencies and this program
	@echo "ready: $(BIN)"

.PHONY: demo
demo: $(RUNTIME) ## Show the bridge at work: Kafka, vendors and events included (ARGS="--events 5000 --faults")
	$(RUN) -m processor demo $(ARGS)

.PHONY: run
run: $(RUNTIME) ## Run the bridge (ARGS="--config my.yaml --destination moesif-prod")
	$(RUN) -m processor run $(ARGS)

.PHONY: check
check: lint types contracts coverage chart docs-site ## Everything that needs no Kafka: style, types, layers, fast tests, coverage, chart, docs

.PHONY: test
test: $(if $(ARGS),$(DEVELOPMENT),coverage services) ## All tests, a real Kafka included (Python, JDK 17 and Maven; ARGS="-k offsets")
	$(if $(ARGS),$(RUN) -m pytest --numprocesses $(WORKERS) $(ARGS))

.PHONY: services
services: $(DEVELOPMENT) ## The tests that `make check` leaves out: with a real Kafka and registry, and the property tests
	$(RUN) -m pytest -m "$(REST)" --numprocesses $(WORKERS)

.PHONY: proof
proof: $(DEVELOPMENT) ## The long tests under faults, then the benchmarks; the report goes to docs/proof.md
	$(RUN) -m benchmarks.proof $(ARGS)

.PHONY: bench
bench: $(DEVELOPMENT) ## The benchmarks alone
	$(RUN) -m benchmarks $(ARGS)

.PHONY: image-test
image-test: $(DEVELOPMENT) ## Build the image without pulling, run it beside a real Kafka (root; Debian's mmdebstrap, buildah, podman, runc; ARCHITECTURE=arm64)
	IMAGE_ARCHITECTURE=$(ARCHITECTURE) $(RUN) -m pytest --numprocesses 0 tests/image/image_check.py

.PHONY: lint
lint: $(DEVELOPMENT) ## Style: ruff with every rule on, and the formatter
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

.PHONY: types
types: $(DEVELOPMENT) ## Types: mypy, strict, package and tests
	$(RUN) -m mypy

.PHONY: contracts
contracts: $(DEVELOPMENT) ## Layers: who may import whom
	$(BIN)/lint-imports --no-cache

# Without the property tests: what is covered must not hang on the examples of a day, and `make test` runs them.
# `make check test` runs these once, since both want them.
.PHONY: coverage
coverage: $(DEVELOPMENT) ## Fast tests, measured: full branch coverage of what decides, nine tenths of the rest
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest -m "$(FAST)" --numprocesses auto
	$(RUN) -m coverage combine --quiet
	$(RUN) tests/coverage_gate.py

.PHONY: chart
chart: $(CHECKOV)/stamp ## The rendered chart by checkov; everything else about it is among the fast tests
	$(CHECKOV)/bin/checkov --directory tests/chart/golden --config-file helm/checkov.yaml

.PHONY: chart-full
chart-full: $(DEVELOPMENT) ## The chart by tools that are built with Go: kubeconform, kube-score, helm-docs, helm-unittest
	for tool in $(GO_TOOLS); do GOBIN=$(abspath $(GO_BIN)) GOFLAGS=-mod=mod go install $$tool; done
	PATH="$(abspath $(GO_BIN)):$$PATH" $(RUN) -m tests.chart.full

.PHONY: test-cluster
test-cluster: $(DEVELOPMENT) ## Install, upgrade, roll back and uninstall the chart in the cluster of KUBECONFIG (ARGS="--values my.yaml")
	$(RUN) -m tests.chart.cluster $(ARGS)

.PHONY: docs-site
# Not `--quiet`: it would drop the warnings that `--strict` counts.
docs-site: $(DEVELOPMENT) ## The documentation as a site in .work/site; a dead link, or a page that is left out, is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

.PHONY: format
format: $(DEVELOPMENT) ## Write the style that `make lint` asks for
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

.PHONY: lock
lock: $(DEVELOPMENT) ## Resolve the dependencies anew and write the locks (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) $(UPGRADE) --output-file requirements.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --all-build-deps --only-build-deps --constraint requirements-dev.txt \
		--output-file requirements-build.txt pyproject.toml

.PHONY: clean
clean: ## Remove what the targets made, .venv included
	rm -rf .venv .work build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find processor tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: active-environment
active-environment:
	@$(RUN) -c 'import processor, confluent_kafka, pydantic, typer' 2>/dev/null \
		|| { echo "the active environment $(VIRTUAL_ENV) lacks this program: pip install -e '.[dev]'" >&2; exit 1; }

.PHONY: active-development
active-development: active-environment
	@$(RUN) -c 'import coverage, hypothesis, mypy, pytest, xdist' 2>/dev/null \
		|| { echo "the active environment $(VIRTUAL_ENV) lacks what the tests need: pip install -e '.[dev]'" >&2; exit 1; }

.venv/runtime.stamp: requirements.txt requirements-build.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements-build.txt -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/development.stamp: .venv/runtime.stamp requirements-dev.txt
	$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

$(CHECKOV)/stamp: .ci/requirements-checkov.txt
	$(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
