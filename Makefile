# Every target does its own set-up, in a virtual environment beside this file.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Tests start the program hundreds of times: without compiled modules each start takes twice as long.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test test-real kubernetes knowledge lint format bench bench-live docs clean help lab lab-down replay

help: ## what can be made here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# The stamp is rebuilt when the package's metadata changes; modules are seen at once.
$(VENV)/.stamp: setup.cfg setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "kubepreflight needs Python 3.11 or later: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing. Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@echo "Setting up $(VENV): Python packages are fetched once, which may take a minute or two" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.stamp ## scan the bundled cluster; leaves report.html and report.json
	@$(BIN)/kubepreflight scan examples/home-cluster --fail-on never -o text -o html=report.html -o json=report.json
	@echo; echo "The same as a page: report.html"

test: $(VENV)/.stamp ## the pure tests: no network, about a minute
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-real: $(VENV)/.stamp ## tests against real servers; builds those first (Go, and 20 minutes the first time)
	@# The Debian roots wait for the network and the disk, the compilers for the processor. What tools.packages misses it
	@# says, and the tests that can do without go on.
	@trap 'kill $$roots' INT TERM; $(BIN)/python -m tools.packages & roots=$$!; \
		$(BIN)/python -m tools.kubernetes build 1.37.2 && $(BIN)/python -m tools.kubernetes build 1.36.3; \
		built=$$?; wait; exit $$built
	@# helm is wanted late, by one file of tests, which waits for it.
	@trap 'kill $$helm' INT TERM; nice $(BIN)/python -m tools.kubernetes build-other helm-3.22.0 >/dev/null & helm=$$!; \
		$(BIN)/python -m pytest tests/real --numprocesses auto --dist loadfile; tested=$$?; wait; exit $$tested

VERSION ?= 1.37.2
kubernetes: $(VENV)/.stamp ## build Kubernetes' programs of VERSION=1.37.2, once, into the user's cache
	@$(BIN)/python -m tools.kubernetes build $(VERSION)

# LAB=name is another lab beside the first, OPTIONS="--control-planes 3 --workers 2" another shape: docs/lab.md.
lab: $(VENV)/.stamp ## real kubeadm nodes on this machine, in namespaces; needs root and containerd
	@$(BIN)/python -m tools.lab $(if $(LAB),--name $(LAB)) up $(OPTIONS)

lab-down: $(VENV)/.stamp ## remove the lab, but for unpacked images, which the next one uses
	@$(BIN)/python -m tools.lab $(if $(LAB),--name $(LAB)) down

replay: $(VENV)/.stamp ## upgrades and accidents on real nodes against the scan's word, all or NAME=…; renews docs/replays.md
	@$(BIN)/python -m tools.lab replay $(NAME)

lint: $(VENV)/.stamp ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.stamp ## let ruff format and sort
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.stamp ## speed and memory, as ratios within one run
	@$(BIN)/python -m benchmarks

NODES ?= 300
PODS ?= 10000
bench-live: $(VENV)/.stamp ## a live scan against the bare download: NODES=300 PODS=10000
	@$(BIN)/python -m benchmarks.live $(NODES) $(PODS)

knowledge: $(VENV)/.stamp ## make the tables of Kubernetes' APIs, gates and flags anew from its modules: docs/knowledge.md
	@$(BIN)/python -m tools.knowledge

docs: $(VENV)/.stamp ## regenerate docs/rules.md, deploy/rbac.yaml and the report's schema
	@$(BIN)/python -m tools.make_docs
	@$(BIN)/python -m tools.make_schema

clean: ## remove what make made
	rm -rf $(VENV) build dist *.egg-info kubepreflight/compiled_knowledge.json .mypy_cache .ruff_cache .pytest_cache report.html report.json
