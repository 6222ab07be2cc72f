# Every target works offline once the modules are there, but for lint, which
# fetches its tools at the versions below. The tests run without gotestsum where it
# cannot be had.

GO          ?= go
FLAVOUR     ?= debian
CHECKS      ?= 2000
SEEDS       ?= 200000
FROM        ?= 1
FUZZTIME    ?= 30s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
GOTESTSUM   := gotest.tools/gotestsum@v1.13.0
BENCHCOUNT  ?= 5
MODULE      := github.com/stationmaster/stationmaster
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS     := -s -w -X $(MODULE)/core/config.flavour=$(FLAVOUR) -X $(MODULE)/osadapter/version.stamp=$(VERSION)

# One set of flags for whatever is compiled, also by tests that build programs, so
# that all of it comes from one cache.
export GOFLAGS := $(strip -trimpath $(GOFLAGS))
export CGO_ENABLED ?= 0

# Runs go test with the given arguments. It shows each package as it ends, what
# failed, and at last which tests were skipped and why. The packages that take longest
# go first.
define run-tests
@if $(GO) run $(GOTESTSUM) --version >/dev/null 2>&1; then \
	$(GO) run $(GOTESTSUM) --format pkgname --format-hide-empty-pkg -- -timeout 20m $(1) ./sim/... ./...; \
else \
	echo "no gotestsum here: packages are shown in their order, and skipped tests are not listed"; \
	$(GO) test -timeout 20m $(1) ./sim/... ./...; \
fi
endef

.DEFAULT_GOAL := help
.PHONY: all build test race e2e parity parity-selftest parity-record parity-config faults demo sim stress explore mutants fuzz fuzz-selftest fuzz-original cover bench bench-original lint golden clean help

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'
	@echo "  variables: FLAVOUR=$(FLAVOUR) (debian or upstream), VERSION=$(VERSION), CHECKS, SEEDS, FROM, FUZZTIME, BENCHCOUNT"

all: build lint ## build, lint and run the short tests
	$(GO) test -short ./...

build: ## build the programs into bin/
	@mkdir -p bin
	@test -x bin/master || echo "building $(notdir $(wildcard cmd/*)) into bin/; the first time the Go modules are downloaded and the standard library is compiled, which takes up to a minute"
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

test: ## run all tests; what needs root or Postfix is skipped and listed, with the reason
	$(call run-tests,$(TESTFLAGS))

race: export CGO_ENABLED = 1
race: ## run the short tests under the race detector
	$(call run-tests,-race -short -shuffle=on $(TESTFLAGS))

e2e: build ## send real mail through Debian's Postfix under our master (root)
	$(GO) test -count=1 -timeout 15m -v -run TestEndToEnd ./cmd/master/e2e -e2e

parity: ## play the scenarios against the installed original and ours, and compare (root)
	cd osadapter/internal/parity && $(GO) test -count=1 -timeout 15m -parallel 8 -parity $(TESTFLAGS)

parity-selftest: ## plant differences in our master; each must be reported (root)
	cd osadapter/internal/parity && $(GO) test -count=1 -timeout 30m -parallel 4 -run TestSelftest -selftest $(TESTFLAGS)

parity-record: ## write down what the installed original shows, for machines without it (root)
	cd osadapter/internal/parity && $(GO) test -count=1 -timeout 15m -parallel 8 -run TestParity -parity -record $(TESTFLAGS)
	$(GO) test -count=1 -timeout 15m ./osadapter/internal/parity/config -run 'ColumnForms|ServersRefuse' -record $(TESTFLAGS)

parity-config: ## compare our reading of 509 vectors and 2,000 generated configurations with the original's (root)
	$(GO) test -count=1 -timeout 40m -v ./osadapter/internal/parity/config -step 1 -configurations 2000 $(TESTFLAGS)

faults: ## make the system calls of a running master fail, one in each life (root)
	cd osadapter/internal/parity/faults && $(GO) test -count=1 -timeout 30m -v -run TestFaults -faults $(TESTFLAGS)

demo: build ## show on-demand start, limits, idle exit, reload and throttle, in under 20 s
	@bin/demo -bin bin

sim: ## the simulator, and CHECKS random sequences against core and core/child
	$(GO) test -count=1 ./sim
	$(GO) test -count=1 ./core ./core/child -rapid.checks=$(CHECKS)

stress: ## SEEDS seeds from FROM on, on all cores; see docs/stress.md
	$(GO) run ./cmd/mastersim stress -from $(FROM) -seeds $(SEEDS)

explore: ## go through small worlds, each for ten minutes and 8 GB at most; overwrites docs/proof.md
	$(GO) run ./cmd/mastersim explore -proof docs/proof.md

mutants: ## count the seeds until each wrong program of the bank is noticed; overwrites docs/mutants-table.md
	$(GO) run ./cmd/mastersim mutants -alone -table docs/mutants-table.md

fuzz: ## play each fuzz target for FUZZTIME and sum up; see docs/fuzzing.md
	$(GO) run ./fuzz/run -time $(FUZZTIME) $(FUZZFLAGS) fuzz

fuzz-selftest: ## plant weaknesses; the fuzz targets must find each within two minutes
	$(GO) run ./fuzz/run selftest

fuzz-original: ## compare spoiled configurations with the installed original for FUZZTIME (root)
	$(GO) test -count=1 -timeout 24h -v -run Spoiled ./osadapter/internal/parity/config -budget $(FUZZTIME) $(TESTFLAGS)

cover: ## how much of core the inputs of the fuzz targets reach; report in dist/coverage.html
	$(GO) run ./fuzz/run -html dist/coverage.html cover

bench: ## run the benchmarks, BENCHCOUNT times each
	$(GO) test -run '^$$' -bench . -benchmem -count $(BENCHCOUNT) $(TESTFLAGS) ./...

bench-original: build ## measure ours beside the installed original in under 8 minutes (root); BENCHFLAGS=-quick
	@bin/masterbench -ours bin/master $(BENCHFLAGS)

lint: ## gofumpt, staticcheck, and go vet for every system and kind of processor
	@unformatted=$$($(GO) run $(GOFUMPT) -l .); test -z "$$unformatted" || { echo "not gofumpt-clean:"; echo "$$unformatted"; exit 1; }
	@set -e; for os in linux freebsd darwin openbsd; do echo "go vet ($$os)"; GOOS=$$os $(GO) vet ./...; done
	@set -e; for arch in arm64 riscv64; do echo "go vet (linux, $$arch)"; GOOS=linux GOARCH=$$arch $(GO) vet ./...; done
	$(GO) run $(STATICCHECK) ./...

golden: ## rewrite the golden files and the examples of docs/masterctl.md; say in the commit why each line moved
	$(GO) test ./core ./cmd/masterctl -update

clean: ## remove what was built
	rm -rf bin dist
