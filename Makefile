# Two commands: `make run` shows the product, `make test` proves it. Both set everything up.

PYTHON ?= python3
BIN := .venv/bin
HOST ?= 127.0.0.1
PORT ?= 8000
QUESTION ?= what does North Korea get in return
SEEDS := $(shell find seeds/articles search indexer -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: run test check quality bench bench-quick clean

run: index/CURRENT
	$(BIN)/backissue search "$(QUESTION)" --index index --k 3
	$(BIN)/backissue serve --index index --host $(HOST) --port $(PORT)

test: .venv/dev
	$(BIN)/python -m pytest

check: .venv/dev .typing/backissue
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.typing $(BIN)/mypy -p backissue.search -p backissue.indexer -p backissue.api
	PYTHONPATH=.typing $(BIN)/lint-imports

quality: .venv/dev
	$(BIN)/python -m bench.quality --sets $(SETS)

bench: .venv-bench
	.venv-bench/bin/python -m bench.speed --passages 1000 10000 100000 1000000 --out bench/speed.md

bench-quick: .venv-bench
	.venv-bench/bin/python -m bench.speed --passages 100000 --questions 100 --quick

.venv-bench: pyproject.toml
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

index/CURRENT: .venv/run $(SEEDS)
	$(BIN)/backissue rebuild seeds/articles --index index --prune

.venv/run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/dev: .venv/run
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Type checkers do not follow the finder of an editable install: they read the folders through links.
.typing/backissue:
	mkdir -p $@
	for room in search indexer api; do ln -s ../../$$room $@/$$room; done

clean:
	rm -rf .venv .venv-bench .typing build *.egg-info
