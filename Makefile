# Every command a person types. `make help` lists them.

SWIFT ?= swift
release = .build/release
sources = Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
# How long `make fuzz` runs.
FUZZ_SECONDS ?= 60

# One build at a time: SwiftPM takes all cores by itself, and two builds in one folder wait for each other.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup build certificate run test interop crash fuzz bench bench-build bench-quick bench-scale bench-store bench-doors bench-check micro check \
	format sanitize clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the Debian packages that are missing; quick when none is
	@scripts/setup

build: setup ## Build the three programs, optimised, into .build/release
	$(SWIFT) build -c release

certificate: setup
	@scripts/development-certificate .run

run: build certificate ## Build, and run a broker with TLS on 127.0.0.1:7400
	@echo
	@echo 'The broker serves 127.0.0.1:7400, TLS and clear text; Ctrl-C stops it. To chat, in two other terminals:'
	@echo
	@echo '    $(release)/broker-cli --user ada'
	@echo '    $(release)/broker-cli --user bob'
	@echo
	@exec $(release)/broker --config config/development.toml

test: setup ## Build and run all tests, the interoperability suite too
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest
	@Tests/Interop/run
	@Tests/Crash/run 3

interop: setup ## Try the broker with a client that was written from docs/PROTOCOL.md alone
	$(SWIFT) build --product broker
	@Tests/Interop/run

crash: setup ## Kill the broker 50 times under load, and judge what its clients were told
	$(SWIFT) build --product broker
	@Tests/Crash/run 50

fuzz: setup ## Feed the codec with noise for FUZZ_SECONDS=60 seconds, under the address sanitizer
	@Tests/Fuzz/run.sh $(FUZZ_SECONDS)

bench: bench-build ## Measure the broker beside its peers, and its parts; rewrite docs/PERFORMANCE.md's tables
	@Benchmarks/run --programs $(release) --certificates .run --docs docs/PERFORMANCE.md

bench-quick: bench-build ## The same in one short round, without rewriting anything
	@Benchmarks/run --quick --programs $(release) --certificates .run

bench-scale: build certificate ## Measure many connections, many rooms, balance and slow readers; rewrite their table
	@Benchmarks/scale --programs $(release) --certificates .run --docs docs/PERFORMANCE.md

bench-store: build ## Measure what history costs: group commit, restart, pages, fan-out with it and without
	@Benchmarks/store --programs $(release)

bench-doors: build certificate ## Measure what a delivery costs by WebSocket, in JSON and binary; rewrite its table
	@Benchmarks/doors --programs $(release) --certificates .run --docs docs/PERFORMANCE.md

bench-check: micro ## Count the instructions of the message path; fail if they are more than recorded
	@Benchmarks/check

bench-build: build certificate micro

micro: setup
	$(SWIFT) build -c release --package-path Benchmarks --product micro -Xswiftc -enforce-exclusivity=unchecked

check: ## Refuse what is not formatted; compiler warnings are errors in every build
	$(SWIFT) format lint --strict --parallel --recursive $(sources)

format: ## Format all sources in place
	$(SWIFT) format --in-place --parallel --recursive $(sources)

# The runtime's own backtraces would hide the sanitizers' reports. Each sanitizer has its own folder, because it changes every object file.
sanitize: setup ## Run all tests under the thread and the address sanitizer
	SWIFT_BACKTRACE=enable=no $(SWIFT) test --disable-xctest --sanitize=thread --scratch-path .build-thread
	LSAN_OPTIONS=suppressions=$(CURDIR)/scripts/known-leaks SWIFT_BACKTRACE=enable=no \
		$(SWIFT) test --disable-xctest --sanitize=address --scratch-path .build-address

clean: ## Remove what was built; the certificates in .run stay
	rm -rf .build .build-* Benchmarks/.build Benchmarks/results
