# Every target sets itself up: Debian packages, and a virtual environment in .venv with what the target needs.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
# make test TESTS="tests/test_cli.py -x": these alone, without coverage
TESTS :=
COVERAGE := --cov --cov-report=term
SEEDS := 2
CASES := 100000
SEED := 1
ROOMS := record examine diff kernel dt
SAMPLE := 40
# make bare RELEASES=trixie TARGETS=demo
RELEASES := bookworm trixie
TARGETS := demo test

.PHONY: demo test lint bench campaign mutants generate guests guests-dt bare release-check clean

demo: $(READY)
	@$(BIN)/kinfo demo

test: $(DEV)
	$(BIN)/python -m pytest -n 2 $(or $(TESTS),$(COVERAGE))

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# make bench JSON=now.json: keep the ratios too; CORE=core VMLINUX=vmlinux: against drgn on a core with debug information
bench: $(DEV)
	$(BIN)/python -m benchmarks.run $(if $(JSON),--json $(JSON)) $(if $(CORE),--core $(CORE)) $(if $(VMLINUX),--vmlinux $(VMLINUX))

# make bench-compare OLD=before.json NEW=now.json: fails where a ratio got worse by more than 15 %
.PHONY: bench-compare
bench-compare: $(DEV)
	@$(BIN)/python -m benchmarks.regression $(OLD) $(NEW)

# make campaign SEEDS=6: which wrong pointers the checks catch, field by field, in so many records of each layout
campaign: $(DEV)
	@$(BIN)/python -m tools.campaign --seeds $(SEEDS)

# make likeness CASES=100000 SEED=1: so many damaged regions read together, as a survey does, against each read alone
.PHONY: likeness
likeness: $(DEV)
	@$(BIN)/python -m tools.likeness --cases $(CASES) --seed $(SEED)

# make mutants ROOMS="diff dt/boot" SAMPLE=100: small wrong changes to the code, and which of them no test notices
mutants: $(VENV)/.ready-mutants
	@$(BIN)/python -m tools.mutants --rooms $(ROOMS) --sample $(SAMPLE)

# New examples for every property, five times as many as in make test: it fails where one of them finds a fault
.PHONY: fuzz
fuzz: $(DEV)
	$(BIN)/python -m pytest -n 2 -q -m hypothesis --hypothesis-profile fuzz $(TESTS)

generate: $(DEV)
	$(BIN)/python tools/generate.py

# What is left of a crashed device, to learn on (docs/tutorial.md)
.PHONY: device
device: $(READY)
	@$(BIN)/python tools/device.py build/device

# The documents as a site that needs no network to be read: build/site/index.html
.PHONY: docs
docs: $(VENV)/.ready-docs
	@$(BIN)/python -m tools.documents -o build/site

# Wheel and sdist in dist/: the same bytes from two clones that differ in all that should not matter
.PHONY: dist
dist: $(DEV)
	@$(BIN)/python -m tools.packages.dist

# Licences of what each kind of install brings: fails where a plain one brings GPL, or what nobody states
.PHONY: licences
licences: $(DEV)
	@$(BIN)/python -m tools.packages.licences

# dist/kinfo.pyz, one file for machines with a Python and no network: make pyz PYTHONS=3.11 MACHINES=x86_64 for a smaller one
PYTHONS := 3.11 3.12 3.13 3.14
MACHINES := x86_64 aarch64
.PHONY: pyz
pyz: $(DEV)
	@$(BIN)/python -m tools.packages.pyz --pythons $(PYTHONS) --machines $(MACHINES)

# What a plain install consists of, as CycloneDX, in dist/kinfo.cdx.json
.PHONY: sbom
sbom: $(VENV)/.ready-packages
	@$(BIN)/python -m tools.packages.sbom

release-check: $(DEV)
	@$(BIN)/python -m tools.release_check

# The last commit, in a fresh Debian that holds make, git and ca-certificates alone. As root, with debootstrap.
bare:
	@exec env RELEASES="$(RELEASES)" TARGETS="$(TARGETS)" TESTS="$(TESTS)" bash tools/bare.sh

# make headers CASES=100000 SEED=1 COMPILER=gcc: what the C header says of changed records, with sanitizers, against decoding
CASES := 100000
SEED := 1
COMPILER := gcc
.PHONY: headers
headers: $(DEV)
	@$(BIN)/python -m tools.headers --cases $(CASES) --seed $(SEED) --compiler $(COMPILER)

# Stock kernels, booted and panicked, for the tests to read: one to five minutes each, but for those that are there
guests: $(DEV)
	$(BIN)/python -m tools.guests

guests-dt: $(DEV)
	$(BIN)/python -m tools.guests.devicetrees

clean:
	rm -rf $(VENV) .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

$(READY): pyproject.toml tools/venv.sh tools/debian.sh
	@sh tools/venv.sh $(VENV) dt
	@touch $@

$(VENV)/.ready-docs: pyproject.toml tools/venv.sh tools/debian.sh
	@sh tools/venv.sh $(VENV) docs
	@touch $@

$(VENV)/.ready-packages: $(DEV)
	@sh tools/venv.sh $(VENV) packages
	@touch $@

$(VENV)/.ready-mutants: $(DEV)
	@sh tools/venv.sh $(VENV) mutants
	@touch $@

$(DEV): pyproject.toml tools/venv.sh tools/debian.sh
	@sh tools/venv.sh $(VENV) dev
	@touch $(READY) $@
