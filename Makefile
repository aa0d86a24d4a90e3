# Two commands are all a newcomer needs, and a contributor one more:
#   make run    install, run the demo, show its tables
#   make test   install, lint, type-check, check the floors, run the tests against the built wheel
#   make check  the same without the tests that start processes: a quick look after a change

PYTHON ?= python3
BIN := .venv/bin
WHEEL_SITE := build/site

.PHONY: run test check lint clean

run: .venv/installed
	$(BIN)/pigbench run --generator pig --preset demo --n 256 --folds 5
	@echo
	@echo "That was the demo. The real question takes one to two hours on two cores:"
	@echo
	@echo "    $(BIN)/pigbench run --generator pig --n 2048 --folds 5"
	@echo "    $(BIN)/pigbench compare"

test: lint $(WHEEL_SITE)
	cd "$$(mktemp -d)" && PYTHONPATH=$(CURDIR)/$(WHEEL_SITE) $(CURDIR)/$(BIN)/python -m pytest \
		-c $(CURDIR)/pyproject.toml -p no:cacheprovider -n 2 --dist worksteal $(CURDIR)/tests

check: lint
	$(BIN)/python -m pytest -m "not process" -n 2 --dist worksteal tests

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(PYTHON) is older than 3.11: add PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# The tests see the wheel a user would install, not this folder.
$(WHEEL_SITE): .venv/installed $(shell find pigbench generators segmenters -name '*.py' -o -name '*.toml' -o -name '*.in')
	rm -rf $@ dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist . > /dev/null
	$(BIN)/python -m pip install --quiet --no-deps --target $@ dist/*.whl
	touch $@

clean:
	rm -rf build dist
