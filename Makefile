# Every target builds its own environment in .venv on first use; later calls find it ready.
#
#   make demo    two checkpoints, one comparison, one page
#   make test    the whole test suite; with COVERAGE=1 it fails if too few lines are covered (fail_under in
#                pyproject.toml) and takes almost half as long again
#   make check   lint, format and types
#   make bench   timings beside the peers
#   make calibration  error rates of the statistics, simulated into docs/calibration.md
#   make docs    the documentation as a site in build/site; fails on a dead link
#   make wheel   a wheel in dist/

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Byte code is kept beside the modules even where the environment says otherwise: without it each of the suite's
# processes compiles torch and transformers again, some 9 seconds.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: env demo test check bench calibration docs wheel clean

env: $(READY)

# uv where there is one, else a plain environment into which pip puts uv. No package host is named here:
# both follow the machine's own configuration.
$(READY): pyproject.toml constraints.txt
	@set -e; \
	if uv --version >/dev/null 2>&1; then \
		uv=uv; uv venv --quiet --allow-existing --python '>=3.11' .venv; \
	else \
		uv=$(BIN)/uv; $(PYTHON) -m venv .venv; $(BIN)/python -m pip install --quiet -c constraints.txt uv; \
	fi; \
	"$$uv" pip install --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/selfreward-eval demo

# Two workers with one thread each: threads of several tests would only wait for one another.
test: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(if $(COVERAGE),--cov --cov-report=)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY)
	@set -e; for script in $(wildcard benchmarks/*.py); do echo "== $$script"; $(BIN)/python "$$script"; done

# Two processes of one thread each: linear algebra threads would only get in each other's way.
calibration: $(READY)
	@cd benchmarks && OMP_NUM_THREADS=1 ../$(BIN)/python -m calibration --jobs 2

# The extra [docs] is installed on first use only: neither the tests nor the demonstration need it.
.venv/.docs: $(READY)
	@if uv --version >/dev/null 2>&1; then uv=uv; else uv=$(BIN)/uv; fi; \
	"$$uv" pip install --python $(BIN)/python -c constraints.txt -e '.[docs]'
	@touch $@

docs: .venv/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "To read it with its search: $(BIN)/python -m http.server --directory build/site"

wheel: $(READY)
	@if uv --version >/dev/null 2>&1; then uv=uv; else uv=$(BIN)/uv; fi; \
	"$$uv" build --wheel --python $(BIN)/python --out-dir dist

clean:
	rm -rf .venv build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
