# What people and CI both call. The first command makes .venv; each further one adds what it needs to it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
INSTALL := $(BIN)/uv pip install --python $(BIN)/python --constraint requirements.txt

.PHONY: help demo test browser wheel platforms lint docs bench faults soak scene \
	env train-env dev-env docs-env requirements clean elsewhere

# `elsewhere` where an environment that make filled was changed behind its back, say by `pip install .`, so that the
# package is no longer the checkout's: it is then installed again.
found = $(shell [ ! -e $(VENV)/.$(1) ] || $(BIN)/python -I -c "import importlib.util, os; \
	assert os.path.samefile(*importlib.util.find_spec('$(2)').submodule_search_locations, '$(2)')" 2>/dev/null \
	|| echo elsewhere)

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.base  ## Watch an emulated Vector see and greet another one; needs no robot
	$(BIN)/robot-app demo

test: browser  ## Run all tests
	$(BIN)/python -m pytest

browser: $(VENV)/.dev  ## Find or get the browser that tests the live page
	@$(BIN)/python -m tests.support.browser

wheel: $(VENV)/.dev  ## Install the wheel with all it needs into a new environment of PYTHON, and use it there
	$(BIN)/python -m pytest tests/e2e/test_install.py --install-with $(PYTHON)

platforms: $(VENV)/.dev  ## See that all platforms are given wheels only; needs the package index
	$(BIN)/python -m pytest tests/e2e/test_install.py -k wheels_only

lint: $(VENV)/.dev  ## Check style, types and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: docs-env  ## Build the documentation; a broken link is an error
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.training  ## Measure latency against plain ONNX Runtime, PyTorch and, where installed, ultralytics
	$(BIN)/python -m training.evaluation.torch_benchmark --output docs/generated/bench.md

faults: $(VENV)/.dev  ## Play every fault to a driving robot, and renew the table in the documentation
	$(BIN)/python -m pytest tests/e2e/test_faults.py --fault-table docs/generated/faults.md

soak: $(VENV)/.dev  ## Drive for an hour while random faults come and go, and look for leaks; SECONDS=60 is shorter
	$(BIN)/python -m tests.support.soak $(or $(SECONDS),3600)

scene: $(VENV)/.dev  ## Track and follow in the rendered scene, and compare with the truth; STARTS=20 is shorter
	$(BIN)/python -m tests.support.scene_figures $(or $(STARTS),100) $(if $(STARTS),,docs/generated/scene.md)

env: $(VENV)/.base  ## Install what runs beside the robot
train-env: $(VENV)/.training  ## Add what training needs: PyTorch, rendering (about 3 GB to download)
dev-env: $(VENV)/.dev  ## Add what tests and checks need
docs-env: $(VENV)/.docs  ## Add what the documentation needs

requirements: $(BIN)/uv  ## Pin the newest versions that fit together
	$(BIN)/uv pip compile pyproject.toml training/pyproject.toml --all-extras --group dev --group docs --universal \
		--python-version 3.11 --no-header --no-annotate --no-emit-package vector-detector \
		--output-file requirements.txt --quiet --upgrade

clean:  ## Remove the environment and everything that commands wrote
	rm -rf $(VENV) build dist output runs .mypy_cache .ruff_cache .pytest_cache

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11 or newer" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $$($(PYTHON) --version) is too old; try make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "error: this Python cannot make environments; on Debian or Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.base: $(BIN)/uv pyproject.toml requirements.txt $(call found,base,robot_app)
	@echo "Installing what runs beside the robot (about 400 MB to download)"
	$(INSTALL) --editable .
	@$(BIN)/python -c 'import cv2' || \
		{ echo "error: OpenCV needs a system library; on Debian or Ubuntu: apt install libgl1 libglib2.0-0" >&2; exit 2; }
	@touch $@

$(VENV)/.training: $(VENV)/.base training/pyproject.toml $(call found,training,training)
	@echo "Adding PyTorch and what training needs (about 3 GB to download)"
	$(INSTALL) --editable ./training
	@touch $@

$(VENV)/.dev: $(VENV)/.training
	$(INSTALL) --editable './training[cluster]' --group dev
	@touch $@

$(VENV)/.docs: $(VENV)/.base
	$(INSTALL) --group docs
	@touch $@
