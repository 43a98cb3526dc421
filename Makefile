# make demo     set everything up and run the main job
# make check    lint, types and the fast tests (under two minutes)
# make test     every check and every test (some minutes)
# make golden   rewrite the expected texts of the tests
# make grammar  rewrite the parse table after a change of grammar/arch.lark

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check lint golden grammar setup dot

demo: setup dot
	$(BIN)/archdsl summary vgg16
	$(BIN)/archdsl verify
	$(BIN)/archdsl draw vgg16 -o vgg16.svg
	$(BIN)/archdsl train lenet5

test: setup dot lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: setup dot lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/archdsl fmt --check specs archdsl/library

# Read the difference before you commit it.
golden: setup
	$(BIN)/python -m pytest -q --update tests/syntax/test_errors.py tests/output/test_summary.py tests/output/test_layer_reference.py tests/train/test_recipe_reference.py

grammar: setup
	$(BIN)/python -m archdsl.grammar.generate

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "archdsl needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# Pictures need graphviz's program `dot`.
dot:
	@command -v dot >/dev/null || .ci/install-dot
