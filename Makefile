# Everything that this file needs beforehand: git, make, Python >= 3.11. `make help` lists targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	&& { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# The environment is made anew when a lock or the package's own description changes.
STAMP := $(VENV)/.ready
export PYTHONPATH := operator:tests:.

# A cluster is used for tests only when it is named here: make test KUBECONFIG=path.
# A KUBECONFIG that merely stands in the environment may be production's.
ifeq ($(origin KUBECONFIG),command line)
export PINREL_TEST_KUBECONFIG := $(abspath $(KUBECONFIG))
endif
# A control plane for each of two processes; a cluster that is named is used by one at a time.
SIDE_BY_SIDE := $(if $(PINREL_TEST_KUBECONFIG),,-n 2 --dist loadfile)
# Single rows of the whole matrix take minutes, so its files are not kept together.
MATRIX_SIDE_BY_SIDE := $(if $(PINREL_TEST_KUBECONFIG),,-n 4 --dist worksteal)
unexport KUBECONFIG
# Which Kubernetes the tests run on: make test-integration K8S_VERSION=1.34
export K8S_VERSION
AUDIT_LOGS := $(CURDIR)/.audit-logs

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: demo
demo: setup ## Run the main job on a real control plane (KEEP=1 leaves it running)
	@$(BIN)/python -m examples.demo

.PHONY: test
test: check test-unit test-integration test-faults-ci soak test-rights bench-quick ## Run every check and test

.PHONY: check
check: setup ## Lint, types, import rules, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pinrel crd | diff -u crds/pinnedrelease.yaml - \
		|| { echo "crds/pinnedrelease.yaml is out of date: run make crds"; exit 1; }
	for set in $(ADMISSION); do \
		$(BIN)/pinrel admission $$set | diff -u manifests/admission/$$set/policies.yaml - \
		|| { echo "manifests/admission is out of date: run make manifests"; exit 1; }; done
	$(BIN)/python -m pinnedrelease.cli.reference | diff -u docs/cli.md - \
		|| { echo "docs/cli.md is out of date: run make cli-reference"; exit 1; }
	$(BIN)/python -m pinnedrelease.controller.metrics_reference | diff -u docs/metrics.md - \
		|| { echo "docs/metrics.md is out of date: run make metrics-reference"; exit 1; }

.PHONY: test-unit
test-unit: setup ## Unit and property tests (no cluster)
	$(BIN)/pytest tests/unit tests/property tests/cli -n 2
	$(BIN)/pytest tests/model

.PHONY: search-laws
search-laws: setup ## Property tests with new random examples, and more of them
	PINREL_LAWS=search $(BIN)/pytest tests/property -n 2

.PHONY: fuzz
fuzz: setup ## Coverage-guided fuzzing, SECONDS=60 for each reader (needs: pip install atheris)
	for reader in reference challenge manifest cluster yaml_file; do \
		$(BIN)/python -m fuzz.targets $$reader -max_total_time=$(or $(SECONDS),60) || exit 1; done

.PHONY: mutants
mutants: setup ## Break writer, history and lease in fifteen ways: which test notices?
	@$(BIN)/python -m model.seeded_mutants

.PHONY: test-integration
test-integration: control-plane monitoring-tools tools ## Tests on the real control plane
	@rm -rf $(AUDIT_LOGS) && mkdir -p $(AUDIT_LOGS)
	CONTROL_PLANE_AUDIT_LOGS=$(AUDIT_LOGS) $(BIN)/pytest tests/integration $(SIDE_BY_SIDE)

.PHONY: soak
soak: control-plane ## Random faults for MINUTES=2: memory, descriptors and writes stay flat
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),2)

.PHONY: test-rights
test-rights: setup ## After test-integration: every right of the operator was used, and no other
	$(if $(PINREL_TEST_KUBECONFIG),@echo "a named cluster has no audit log to compare with",\
	$(BIN)/python -m rights $(AUDIT_LOGS))

.PHONY: test-faults
test-faults: control-plane ## The whole fault matrix on the real control plane (about 20 minutes)
	PINREL_MATRIX=whole $(BIN)/pytest tests/faults $(MATRIX_SIDE_BY_SIDE) -o faulthandler_timeout=900

.PHONY: test-faults-ci
test-faults-ci: control-plane ## The fault matrix without the rows that take minutes
	$(BIN)/pytest tests/faults $(SIDE_BY_SIDE)

.PHONY: bench
bench: control-plane ## Every figure of docs/performance.md (an hour and a quarter); SECTIONS="drift scale" for some
	@$(BIN)/python -m benchmarks $(SECTIONS)

.PHONY: bench-quick
bench-quick: control-plane ## The same, small: fails when a ratio is far off
	@$(BIN)/python -m benchmarks --quick --output build/bench-quick $(SECTIONS)

.PHONY: control-plane
control-plane: setup ## Build the control plane into the cache (once, about eight minutes)
	@$(BIN)/python -m controlplane build

.PHONY: tools
tools: setup ## Build Helm and Flux's controller for the tests into the cache (once, about six minutes)
	@$(BIN)/python -m gotools

.PHONY: chart
chart: crds ## Copy the CRD, monitors, alerts and dashboard into the Helm chart
	cp crds/pinnedrelease.yaml integrations/helm/pinnedrelease/files/crd.yaml
	cp manifests/components/prometheus-operator/*-*.yaml manifests/components/pod-monitor/*-*.yaml \
		manifests/components/grafana/*.json integrations/helm/pinnedrelease/files/

.PHONY: sbom
sbom: setup ## Print the bill of materials of the image (CycloneDX)
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m release.sbom

.PHONY: crds
crds: setup ## Generate crds/ from the models
	$(BIN)/pinrel crd --output crds/pinnedrelease.yaml

ADMISSION := pin pin-v1beta1 hold deny stamp digest-only own-account own-status samples

.PHONY: manifests
manifests: control-plane ## Generate manifests/admission/ and manifests/install.yaml
	@$(BIN)/python -m manifests_file > manifests/install.yaml
	for set in $(ADMISSION); do \
		$(BIN)/pinrel admission $$set > manifests/admission/$$set/policies.yaml || exit 1; done

.PHONY: argocd-cm
argocd-cm: setup ## Generate integrations/argocd/argocd-cm.yaml from the Lua files
	$(BIN)/python -m argocd_cm > integrations/argocd/argocd-cm.yaml

.PHONY: cli-reference
cli-reference: setup ## Generate docs/cli.md from the commands
	$(BIN)/python -m pinnedrelease.cli.reference > docs/cli.md

.PHONY: metrics-reference
metrics-reference: setup ## Generate docs/metrics.md from the code
	$(BIN)/python -m pinnedrelease.controller.metrics_reference > docs/metrics.md

.PHONY: monitoring-tools
monitoring-tools: setup ## Build promtool, fetch the Prometheus operator's CRDs (once, two minutes)
	@$(BIN)/python -m promtool
	@$(BIN)/python -m prometheus_operator

.PHONY: bench-scrape
bench-scrape: setup ## What one scrape of 1,000 and 10,000 releases costs
	@$(BIN)/python -m benchmarks.scrape

.PHONY: docs
docs: setup ## Build the documentation site into build/site, without the network
	@# Not --quiet: MkDocs then neither shows nor counts warnings, and --strict means nothing.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: docs-check
docs-check: setup docs ## Generated pages are up to date, the site builds without warnings
	$(BIN)/python -m pinnedrelease.api.reference | diff -u docs/crd.md - \
		|| { echo "docs/crd.md is out of date: run make references"; exit 1; }
	$(BIN)/python -m pinnedrelease.controller.reference | diff -u docs/operator-flags.md - \
		|| { echo "docs/operator-flags.md is out of date: run make references"; exit 1; }

check: docs-check

.PHONY: release-notes
release-notes: setup ## Check that VERSION is this version and has a part in the changelog
	test "$(VERSION)" = "$$($(BIN)/pinrel version)"
	mkdir -p dist
	$(BIN)/python -m release.changelog "$(VERSION)" > dist/notes.md

.PHONY: release-files
release-files: setup ## Make what a release hands out beside the image: IMAGE=REPOSITORY@sha256:...
	rm -rf dist && mkdir -p dist
	$(BIN)/python -m release.install_file "$(IMAGE)" > dist/install.yaml
	cp crds/pinnedrelease.yaml dist/crds.yaml
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m release.sbom > dist/sbom.cdx.json
	$(BIN)/python -m release.cli_archive dist --made-at "$$(git log -1 --format=%ct)"
	$(BIN)/python -m release.krew_manifest dist > dist/pinned-release.yaml
	cd dist && sha256sum -- * > ../SHA256SUMS && mv ../SHA256SUMS .

.PHONY: references
references: setup ## Generate docs/crd.md and docs/operator-flags.md
	$(BIN)/python -m pinnedrelease.api.reference > docs/crd.md
	$(BIN)/python -m pinnedrelease.controller.reference > docs/operator-flags.md

.PHONY: screenshots
screenshots: control-plane ## Take the pictures of docs/images from a scene that is really played
	@$(BIN)/python -m screenshots

.PHONY: format
format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: setup
setup: $(STAMP) ## Make the virtual environment from the hash lock

$(STAMP): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 is needed: make PYTHON=/path/to/python3"; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv"; \
		exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--only-binary :all: --requirement requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

.PHONY: lock
lock: ## Update the hash locks (needs uv); no index address is written into them
	cd requirements && for name in operator dev; do \
		uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		--output-file $$name.txt $$name.in || exit 1; done

.PHONY: clean
clean: ## Remove what was made here (the control plane stays in the user's cache)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis $(AUDIT_LOGS)
