# `make demo` and `make test` need nothing else: the first target that needs a tool brings it (ops/setup.sh).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SOLIDITY := crates/contracts/solidity
FORGE := node_modules/.bin/forge
CARGO ?= cargo
TEST := $(CARGO) test --release --locked
# Counts of the long runs; the ordinary test run is bounded by what each test states.
FUZZ_CASES ?= 20000
SOAK_ROUNDS ?= 25
SOAK_FUZZ_RUNS ?= 10000
SOAK_INVARIANT_RUNS ?= 1000

.PHONY: help setup demo test bench lint soak asan fuzz contracts verifier gas mutants

help: ## Lists the targets
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Installs what the machine lacks (as root), or says what to run
	@ops/setup.sh

demo: setup ## Runs whole rounds on a local chain: intents, proofs, settlements, fills
	@$(CARGO) build --release --locked -p sotto
	@target/release/sotto --log warn demo

test: setup ## Runs every test: Solidity, Rust, end to end
	@cd $(SOLIDITY) && $(FORGE) test
	@$(TEST) --workspace

lint: setup ## Formatting, Slither, clippy with warnings as errors, and dependency policy where cargo-deny is installed
	@$(CARGO) fmt --all --check
	@cd $(SOLIDITY) && $(FORGE) fmt --check
	@ops/slither
	@$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --log-level error check; \
	else echo "lint: cargo-deny is not installed, deny.toml was not checked"; fi

bench: setup ## Runs the benchmarks
	@$(CARGO) bench --locked -p sotto-benches
	@$(CARGO) build --release --locked -p sotto
	@target/release/sotto bench --report target/bench
	@echo "the report: target/bench/proving.md"
	@if python3 -c 'import ezkl, onnx, numpy' 2>/dev/null; then python3 benches/ezkl_comparison.py; else echo "bench: ezkl is not installed, the comparison with it was left out"; fi

fuzz: setup ## Property and fuzz tests with long counts (FUZZ_CASES)
	@cd $(SOLIDITY) && FOUNDRY_FUZZ_RUNS=$(FUZZ_CASES) $(FORGE) test --match-test '[fF]uzz'
	@SOTTO_FUZZ_ROUNDS=$$(( $(FUZZ_CASES) / 6 )) $(TEST) -p sotto-contracts --test differential
	@PROPTEST_CASES=$(FUZZ_CASES) SOTTO_FUZZ_ROUNDS=$(FUZZ_CASES) $(TEST) -p sotto-types -p sotto-model

soak: setup ## Runs the long tests of circuits and prover (hours), then many rounds in one process (SOAK_ROUNDS)
	@$(TEST) -p sotto-circuits -p sotto-prover --lib -- --ignored
	@$(CARGO) build --release --locked -p sotto
	@target/release/sotto demo --rounds $(SOAK_ROUNDS)
	@cd $(SOLIDITY) && FOUNDRY_FUZZ_RUNS=$(SOAK_FUZZ_RUNS) FOUNDRY_INVARIANT_RUNS=$(SOAK_INVARIANT_RUNS) \
	FOUNDRY_INVARIANT_DEPTH=200 $(FORGE) test --no-match-path 'test/verifier/**'

asan: setup ## Runs the fast prover's ordinary tests under AddressSanitizer, in a build of its own (target/asan; long)
	@RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Ctarget-cpu=native -Zsanitizer=address' $(TEST) --target x86_64-unknown-linux-gnu \
	--target-dir target/asan -p sotto-prover --lib fast::

contracts: setup ## Compiles the contracts and writes the artifacts that the Rust side embeds
	@cd $(SOLIDITY) && $(FORGE) build && bin/artifacts

verifier: setup ## Writes key set, on-chain verifier and golden vectors anew, as the circuits give them; review the change
	@SOTTO_WRITE_KEYS=1 $(TEST) -p sotto-circuits the_committed_keys
	@SOTTO_REGENERATE=1 $(TEST) -p sotto-contracts --test generated the_committed_verifier
	@SOTTO_REGENERATE=1 $(TEST) -p sotto-contracts --test profiles the_committed_circuits -- --ignored
	@SOTTO_REGENERATE=1 $(TEST) -p sotto-types --test vectors
	@$(MAKE) contracts
	@SOTTO_REGENERATE=1 $(TEST) -p sotto-contracts --test settlement -- --ignored

gas: setup ## Measures verification, settlement and filling, by forge and on anvil; the last line is JSON
	@cd $(SOLIDITY) && bin/gas

mutants: setup ## Mutates verifier and contracts, and lists the mutants that no test kills (MUTANTS: how many, a path, or all)
	@cd $(SOLIDITY) && bin/mutants $(MUTANTS)
