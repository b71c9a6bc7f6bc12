# `make run` and `make test` set up what is missing and then do what they say; nothing needs to be prepared.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-spark bench-intake bench-build bench-dashboard bench-load foreign dagster lint lock wheelhouse audit test-deploy nginx setup environment fonts chromium postgres java duckdb-1.4

PYTHON ?= $(shell command -v python3.11 || echo python3)
SERVE ?= 1
PORT ?= 8501
INTERNAL_PORT ?= 8502
UV ?= uv
WHEELHOUSE ?=
ADVISORIES ?=
BENCH ?=

LOCK ?=
COMPILE := $(UV) pip compile --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras

FENGQIAO_DATA ?= data
export FENGQIAO_DATA
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# each command would compile its packages anew
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
FENGQIAO := $(VENV)/bin/fengqiao
LANDING := $(FENGQIAO_DATA)/landing

# Without a network the packages come from the folder that `make wheelhouse` filled: make setup WHEELHOUSE=DIR
FROM := $(if $(WHEELHOUSE),--no-index --find-links "$(WHEELHOUSE)")

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: setup ## the whole road, from demo exports to both editions: public on port 8501, internal on 8502 (SERVE=0 stops before serving)
	@echo "This is the demo: it makes the keys that are missing and approves its own release."
	@$(FENGQIAO) keys init
	@if [ -n "$$(find "$(LANDING)" -type f -print -quit 2>/dev/null)" ]; then \
		echo "Exports are in $(LANDING) already; no demo is made."; \
	else $(FENGQIAO) demo --years 5 --cases 75000; fi
	@$(FENGQIAO) intake "$(LANDING)"
	@$(FENGQIAO) build
	@release="$$($(FENGQIAO) release | tee >(cat >&2) | sed -nE 's/^Release (\S+) .*/\1/p')"; \
		[ -d "$(FENGQIAO_DATA)/releases/internal/$$release" ] || $(FENGQIAO) approve "$$release" --name demo; \
		$(FENGQIAO) publish "$$release"
	@if release="$$($(FENGQIAO) release --edition public | tee >(cat >&2) | sed -nE 's/^Release (\S+) .*/\1/p')" \
		&& $(FENGQIAO) audit "$$release"; then \
		[ -d "$(FENGQIAO_DATA)/releases/public/$$release" ] || $(FENGQIAO) approve "$$release" --edition public --name demo; \
		$(FENGQIAO) publish "$$release" --edition public; \
	else echo "The public edition was not published; the internal one does not wait for it."; fi
ifneq ($(SERVE),0)
	@if [ -e "$(FENGQIAO_DATA)/releases/public/current" ]; then \
		$(FENGQIAO) serve --edition public --port $(PORT) & trap 'kill %1' EXIT; fi; \
		$(FENGQIAO) serve --edition internal --port $(INTERNAL_PORT)
endif

test: setup chromium postgres duckdb-1.4 ## all tests
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

test-spark: setup java ## the same models on Spark (fetches Java and Spark, about 1 GB; BENCH="--lose-worker" and other options)
	@$(VENV)/bin/python -m pip install -qq --no-compile --require-hashes --no-build-isolation --requirement requirements-spark.lock
	@$(VENV)/bin/python -m benchmarks.spark_parity $(BENCH)

bench-intake: setup ## the intake against a plain load and other tools (BENCH="--rows 200000" and other options)
	@$(VENV)/bin/python -m pip install -qq --no-compile --require-hashes --only-binary :all: --requirement requirements-benchmarks.lock
	@$(VENV)/bin/python -m benchmarks.intake $(BENCH)

bench-build: setup ## full and daily builds of a million cases against a plain script (BENCH="--cases 10000000")
	@$(VENV)/bin/python -m benchmarks.build $(BENCH)

bench-dashboard: setup chromium ## the pages against a bare page and a plain script, on the data of `make run` (BENCH="--reruns 50")
	@$(VENV)/bin/python -m benchmarks.dashboard $(BENCH)

bench-load: setup nginx ## 200 readers of the bulletin and 50 of the dashboard through nginx while releases are published, on the data of `make run`
	@$(VENV)/bin/python -m benchmarks.load $(BENCH)

dagster: setup ## Dagster's web interface on 127.0.0.1:3000, runs remembered in the data folder
	@DAGSTER_HOME="$(abspath $(FENGQIAO_DATA))/dagster" deploy/dagster-home
	@DAGSTER_HOME="$(abspath $(FENGQIAO_DATA))/dagster" $(VENV)/bin/dagster dev --host 127.0.0.1 --port 3000

lint: setup ## style of Python and SQL
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/sqlfluff lint --processes 2 dbt_project

lock: ## all locks anew from pyproject.toml (needs uv; LOCK=--upgrade takes the newest versions allowed)
	@$(COMPILE) $(LOCK) --extra dev --output-file requirements.lock pyproject.toml >/dev/null
	@locked="$$(sed -nE 's/^([A-Za-z0-9_.-]+)(\[.*\])?==.*/--no-emit-package \1/p' requirements.lock)"; \
	for extra in benchmarks spark; do \
		$(COMPILE) $(LOCK) --extra $$extra --constraints requirements.lock --output-file requirements-$$extra.lock \
			$$locked pyproject.toml >/dev/null; \
	done
	@echo 'duckdb>=1.4,<1.5' | $(COMPILE) $(LOCK) --output-file requirements-duckdb-1.4.lock - >/dev/null

setup: ## virtual environment and fonts
	@mkdir -p .cache
	@flock .cache/setup.lock $(MAKE) --no-print-directory environment fonts

# The stamp says what was installed, and where: a new lock, a changed project or a moved checkout is installed again.
environment:
	@locked="$$(sha256sum requirements.lock) $(CURDIR)"; project="$$(sha256sum pyproject.toml)"; \
	if [ "$$(cat $(VENV)/.locked 2>/dev/null)" != "$$locked" ]; then \
		$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
			|| { echo "Python 3.11 with venv is needed. Install it, or name it: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }; \
		echo "Installing the locked packages into $(VENV) (about 1 GB, a minute or two)."; \
		$(PYTHON) -m venv --clear $(VENV); \
		$(VENV)/bin/python -m pip install -qq --no-compile --require-hashes --only-binary :all: $(FROM) --requirement requirements.lock; \
		echo "$$locked" > $(VENV)/.locked; \
	fi; \
	if [ "$$(cat $(VENV)/.project 2>/dev/null)" != "$$project" ]; then \
		$(VENV)/bin/python -m pip install -qq --no-compile --no-deps --no-build-isolation --editable .; \
		echo "$$project" > $(VENV)/.project; \
	fi

fonts: ## the Chinese font, cut into slices
	@$(VENV)/bin/python -m dashboards.fonts

# apt-get, as root or by sudo; one sentence when neither is possible.
define apt_install
	command -v apt-get >/dev/null || { echo "$(1) is needed and this machine has no apt: install it by hand." >&2; exit 1; }; \
	as_root=; if [ "$$(id -u)" != 0 ]; then as_root=sudo; fi; \
	if [ -n "$$as_root" ] && ! command -v sudo >/dev/null; then \
		echo "$(1) is needed: run as root or with sudo, or have it installed." >&2; exit 1; fi; \
	echo "Installing $(1)."; \
	{ $$as_root apt-get -qq update \
		&& $$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq --option DPkg::Lock::Timeout=300 install --no-install-recommends --yes $(1) >/dev/null; } \
		|| { echo "$(1) is needed and apt could not install it." >&2; exit 1; }
endef

chromium:
	@if ! command -v chromium >/dev/null; then $(call apt_install,chromium); fi

postgres:
	@if [ -z "$$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null)" ]; then $(call apt_install,postgresql); fi

# The client of an analyst who has not moved on: releases must open in it, and it cannot stand beside ours.
duckdb-1.4: setup
	@locked="$$(sha256sum requirements-duckdb-1.4.lock) $(CURDIR)"; client=.cache/duckdb-1.4; \
	if [ "$$(cat $$client/.locked 2>/dev/null)" != "$$locked" ]; then \
		echo "Installing DuckDB 1.4 into $$client, for its test."; \
		$(PYTHON) -m venv --clear $$client; \
		$$client/bin/python -m pip install -qq --no-compile --require-hashes --only-binary :all: --requirement requirements-duckdb-1.4.lock; \
		echo "$$locked" > $$client/.locked; \
	fi

java:
	@if ! command -v java >/dev/null; then $(call apt_install,openjdk-17-jre-headless); fi

wheelhouse: setup ## what an office without internet needs, in one file: this version of the project and its locked packages
	@rm -rf .cache/offline && mkdir -p .cache/offline/fengqiao .cache/wheels
	@$(VENV)/bin/python -m pip download -qq --require-hashes --only-binary :all: --dest .cache/wheels --requirement requirements.lock
	@$(VENV)/bin/python -m pip download -qq --no-index --find-links .cache/wheels --require-hashes --only-binary :all: \
		--dest .cache/offline/wheelhouse --requirement requirements.lock
	@git archive HEAD | tar -x -C .cache/offline/fengqiao
	@tar -C .cache/offline -cf .cache/fengqiao-offline.tar fengqiao wheelhouse
	@sha256sum .cache/fengqiao-offline.tar

audit: setup ## known faults of the locked packages (without a network: ADVISORIES=FILE), and the lists of them all (CycloneDX) in .cache/sbom.json and sbom-spark.json
	@$(VENV)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
		--output-file .cache/sbom.json 2>/dev/null
	@$(VENV)/bin/cyclonedx-py requirements requirements-spark.lock --pyproject pyproject.toml --output-reproducible \
		--output-file .cache/sbom-spark.json 2>/dev/null
	@echo "The list of all packages is in .cache/sbom.json; what Spark adds to them, in .cache/sbom-spark.json."
	@$(VENV)/bin/python -m deploy.audit requirements.lock requirements-spark.lock $(if $(ADVISORIES),--advisories "$(ADVISORIES)")

test-deploy: setup chromium nginx postgres ## nginx, systemd, users, backfills and the network cut off, as in deploy/ (as root)
	@$(VENV)/bin/python -m pytest deploy/tests

nginx:
	@if [ ! -e /usr/lib/nginx/modules/ngx_http_brotli_static_module.so ]; then \
		$(call apt_install,nginx libnginx-mod-http-brotli-filter libnginx-mod-http-brotli-static); fi
	@[ -d .cache/packed ] || $(VENV)/bin/python -m deploy.pack

foreign: setup ## a foreign register against a plain recount: make foreign FILE=nyc311_animals_2025.csv
	@$(VENV)/bin/python -m tests.foreign.check "$(FILE)"
