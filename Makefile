# Every target sets itself up: a virtual environment in .venv with what the target needs.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev

.PHONY: demo test lint bench generate guests-dt clean

demo: $(READY)
	@$(BIN)/kinfo demo

test: $(DEV)
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(DEV)
	$(BIN)/python -m benchmarks.run

generate: $(DEV)
	$(BIN)/python tools/generate.py

guests-dt: $(DEV)
	$(BIN)/python -m tools.guests.devicetrees

clean:
	rm -rf $(VENV) .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

$(READY): pyproject.toml tools/venv.sh
	@sh tools/venv.sh $(VENV)
	@touch $@

$(DEV): pyproject.toml tools/venv.sh
	@sh tools/venv.sh $(VENV) dev
	@touch $(READY) $@
