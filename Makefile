# Two commands: `make run` shows the product, `make test` proves it. Both set everything up.

PYTHON ?= python3
BIN := .venv/bin
HOST ?= 127.0.0.1
PORT ?= 8000
FUZZ_SECONDS ?= 400
SOAK_SECONDS ?= 1800
QUESTION ?= what does North Korea get in return
SEEDS := $(shell find seeds/articles search indexer -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: run test torture check quality lock bench bench-quick clean

run: index/CURRENT
	$(BIN)/backissue search "$(QUESTION)" --index index --k 3
	$(BIN)/backissue serve --index index --host $(HOST) --port $(PORT)

test: .venv/dev
	$(BIN)/python -m pytest

# All that is too slow for every day: crashes, faults, corruption, bombs, generated requests, fuzzing and load. An hour
# or two; FUZZ_SECONDS is for each target, SOAK_SECONDS for the soak.
torture: .venv/dev
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[torture]'
	$(BIN)/python -m pytest -m slow -s
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)
	$(BIN)/python -m bench.load overload
	$(BIN)/python -m bench.load soak --seconds $(SOAK_SECONDS)

lock: .venv/dev
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --output-file requirements.lock pyproject.toml

check: .venv/dev .typing/backissue
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.typing $(BIN)/mypy -p backissue.search -p backissue.indexer -p backissue.api
	PYTHONPATH=.typing $(BIN)/lint-imports

quality: .venv/dev
	$(BIN)/python -m bench.quality --sets $(SETS) --out bench/quality.md

# An hour. BENCH='--archives DIR' adds building from files of real articles, BENCH='--keep DIR' keeps the indexes.
bench: .venv-bench
	.venv-bench/bin/python -m bench.speed --passages 1000 10000 100000 1000000 --out bench/speed.md $(BENCH)

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
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[deep]'
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
