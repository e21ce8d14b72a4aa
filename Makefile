# Surgent. `make help` lists what you can do.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO        ?= go
BIN       := bin/surgent
TOOLBOX   := sandbox/toolbox/bin/surgent-toolbox
LINTER    := .cache/bin/golangci-lint
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFILES   := $(shell git ls-files -co --exclude-standard '*.go' go.mod go.sum 2>/dev/null)
WEBFILES  := $(shell git ls-files -co --exclude-standard web 2>/dev/null)
EMBEDDED  := $(shell git ls-files -co --exclude-standard templates snapshots internal model convex 2>/dev/null)

# One static binary: nothing here needs cgo but the race detector.
export CGO_ENABLED ?= 0
# The same flags for builds and tests, so that they share what they compile.
export GOFLAGS := -trimpath $(GOFLAGS)

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# --- run ---------------------------------------------------------------------

.PHONY: run
run: host build ## set up what is missing, build, serve http://localhost:3210
	@scripts/run $(BIN)

.PHONY: dev
dev: host build ## as run, reloading on change, with the Vite dev server behind it
	@scripts/run $(BIN) dev

.PHONY: host
host: ## install the host packages that a run needs (asks for sudo where it must)
	@scripts/host run

# --- build -------------------------------------------------------------------

.PHONY: build
build: $(BIN) ## bin/surgent: one static binary with the workspace and templates in it

$(BIN): $(GOFILES) $(EMBEDDED) $(TOOLBOX) web/dist/index.html
	$(GO) build -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/surgent

.PHONY: toolbox
toolbox: $(TOOLBOX) ## the small server that runs inside every sandbox

$(TOOLBOX): $(shell git ls-files -co --exclude-standard 'sandbox/toolbox/*.go' 'cmd/surgent-toolbox/*.go' 2>/dev/null) go.mod
	$(GO) build -ldflags "-s -w" -o $@ ./cmd/surgent-toolbox

.PHONY: web
web: web/dist/index.html ## the workspace, into web/dist

web/dist/index.html: web/node_modules/.package-lock.json $(WEBFILES)
	cd web && npm run build
	@touch $@

# --- check -------------------------------------------------------------------

.PHONY: lint
lint: lint-go lint-web ## formatters, vet, linters, types

.PHONY: lint-go
lint-go: $(LINTER)
	$(GO) mod tidy -diff
	$(LINTER) run

$(LINTER): tools/go.mod tools/go.sum
	cd tools && $(GO) build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: lint-web
lint-web: web/node_modules/.package-lock.json e2e/node_modules/.package-lock.json
	cd web && npm run lint && npm run check && npm run contrast
	cd e2e && npm run typecheck

.PHONY: test
test: host-test build test-go test-race test-web test-e2e ## set up and run every test

.PHONY: host-test
host-test:
	@scripts/host test

.PHONY: test-go
test-go: build clients ## Go tests on real SQLite, real sandboxes, real workerd
	$(GO) run ./scripts/gotest -timeout 15m ./...

# The race detector needs cgo, and its instrumented gVisor could not start a
# sandbox: the engines that re-execute the binary are tested without it.
RACE := ./convex/... ./model/... ./deploy/release/... ./deploy/assets/... ./deploy/webhook/... ./internal/... ./sandbox/daytona/... ./sandbox/toolbox/... ./sandbox/engine/base/...

.PHONY: test-race
test-race: $(TOOLBOX) clients
	CGO_ENABLED=1 $(GO) test -race -short -tags no_runsc -timeout 15m $(RACE)

.PHONY: test-web
test-web: web/node_modules/.package-lock.json ## component tests of the workspace
	cd web && npm test

.PHONY: test-e2e
test-e2e: host-test build e2e/node_modules/.package-lock.json ## the whole walk in headless Chromium
	$(GO) build -o bin/modelserver ./e2e/modelserver
	cd e2e && npm test

.PHONY: clients
clients: convex/testdata/client/node_modules/.package-lock.json sandbox/sandboxtest/testdata/sdk/node_modules/.package-lock.json ## the official npm clients that Go tests drive

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

.PHONY: bench
bench: host build ## the figures that bench/README.md tells of
	@scripts/bench

.PHONY: bench-web
bench-web: host-test build e2e/node_modules/.package-lock.json ## the workspace's part of them, in headless Chromium
	$(GO) build -o bin/modelserver ./e2e/modelserver
	cd e2e && npm run figures

.PHONY: stats
stats: ## sizes of files and functions
	@$(GO) run ./scripts/stats

.PHONY: clean
clean: ## remove what make built
	rm -rf bin .cache web/dist/assets web/dist/index.html $(TOOLBOX)
