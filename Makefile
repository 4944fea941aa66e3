# Three commands: `make demo` to see it run, `make check` while you change it, `make test` before a
# change lands. Each begins with `make setup`, which does nothing twice.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Another package index for torch, for instance one with its CPU build.
TORCH_INDEX ?=
comma := ,
# `make demo` needs torch only for a GPU, which the NVIDIA driver's program lists.
DEMO_EXTRAS = demo$(if $(shell nvidia-smi -L 2>/dev/null),$(comma)torch)$(if $(PAGE),$(comma)page)
DEMO_READY = $(VENV)/demo-$(if $(PAGE),page-)ready
# Set it to open the page of the fleet while the demo runs.
PAGE ?=
# Options for `bearing-stream demo`, pytest and `python -m tools.chaos`.
DEMO ?=
TESTS ?=
CHAOS ?=

# A hundred processes start during the tests: each would compile the sources again. Some images set it.
unexport PYTHONDONTWRITEBYTECODE

# Minutes that `make chaos` may take; without it, all of it, in hours.
MINUTES ?=

# The tests of a file run in one process, since they share what is set up. tests/conftest.py orders the
# files, those that take longest first. If one of the processes dies, all ends: pytest-xdist 3.8 would
# wait for its tests for ever.
PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder --max-worker-restart 0

SOURCES := pyproject.toml setup.py constraints.txt $(wildcard model/backends/kernel*)
CHECK_PYTHON = $(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}: name another with PYTHON=")'
# Makes the environment, also anew where it is of another Python, or half made: `python -m venv` would
# leave the programs of the other one.
BASE := import sys; print(sys.base_prefix, sys.version)
ENVIRONMENT = @[ "$$($(BIN)/python -c 'import pip; $(BASE)' 2>&1)" = "$$($(PYTHON) -c '$(BASE)')" ] || \
	$(PYTHON) -m venv $(if $(wildcard $(VENV)/pyvenv.cfg),--clear) $(VENV)
# Python compiles what is used when it is first imported; to compile all of torch takes 20 s.
INSTALL = $(BIN)/python -m pip install --no-compile --constraint constraints.txt --config-settings editable_mode=compat --editable

# What `make audit` audits with, and `make sbom` lists with, each in an environment of its own.
AUDITOR := out/audit/bin/pip-audit
LISTER := out/lister/bin/cyclonedx-py

# The extras whose packages the software bill of materials lists: those of the container image.
EXTRAS ?= $(shell sed -n 's/^ARG EXTRAS=//p' Dockerfile)

.PHONY: all-tests audit chaos check clean demo docs fuzz lint sbom setup test

demo: $(DEMO_READY)
	$(BIN)/bearing-stream demo $(if $(PAGE),--page) $(DEMO)

chaos: setup
	$(BIN)/python -m tools.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(CHAOS)

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# Everything that needs neither a broker nor many seconds, in a minute and a half on two cores.
check: lint
	$(PYTEST) --numprocesses 3 -m 'not integration and not slow' $(TESTS)

# The property tests that need no broker, on new examples, ten times as many where a test sets no number.
fuzz: setup
	$(PYTEST) --numprocesses 3 -m 'hypothesis and not integration' --hypothesis-profile fuzz $(TESTS)

# Everything, in ten minutes; tests/docs builds the site. Four processes, a broker each: most tests wait
# for one.
test: setup
	@$(MAKE) --no-print-directory --jobs 2 lint all-tests

# The archive lets each of the brokers, more than a hundred, start with half the CPU time.
all-tests: setup
	$(BIN)/python -c "from bearing_stream.local_kafka.class_cache import write_archive; write_archive()"
	$(PYTEST) --numprocesses 4 $(TESTS)

audit: setup $(AUDITOR)
	@$(BIN)/python -m tests.security.audit $(AUDITOR)

$(AUDITOR):
	@$(PYTHON) -m venv out/audit
	@out/audit/bin/pip install --quiet pip-audit==2.10.1

sbom: setup $(LISTER)
	@$(BIN)/python -m tests.security.sbom $(LISTER) $(EXTRAS)

$(LISTER):
	@$(PYTHON) -m venv out/lister
	@out/lister/bin/pip install --quiet cyclonedx-bom==7.5.0

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Less than all that `setup` installs: without torch it takes a tenth of the time. `setup` includes it.
$(VENV)/demo-ready $(VENV)/demo-page-ready: $(SOURCES)
	@$(CHECK_PYTHON)
	$(ENVIRONMENT)
	$(INSTALL) '.[$(DEMO_EXTRAS)]'
	@touch $@

setup: $(VENV)/ready

$(VENV)/ready: $(SOURCES)
	@$(CHECK_PYTHON)
	@echo 'Setting up $(VENV). The first time, pip fetches torch. On Linux its build for CUDA comes by'
	@echo 'default: 2.7 GB to fetch, 6 GB on disk. TORCH_INDEX=URL takes torch from another index, such'
	@echo 'as that of its CPU build.'
	$(ENVIRONMENT)
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --no-deps --constraint constraints.txt --index-url $(TORCH_INDEX) torch)
	$(INSTALL) '.[all,dev]'
	@touch $@ $(VENV)/demo-ready $(VENV)/demo-page-ready

clean:
	rm -rf $(VENV) build out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
