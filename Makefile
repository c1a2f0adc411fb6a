# pgmqdb: build, run and test. Each target stands alone; `make test` installs the Debian packages it needs when it can.

SHELL := /bin/bash
GO ?= go
DATA ?= ./pgmqdb-data
LISTEN ?= 127.0.0.1:5432
PKGS := ./...
# Packages whose races would lose data: they are tested under the race detector too.
CORE := ./shard/... ./catalog/... ./fk/...

.PHONY: build run test test-long bench lint tools

build:
	@mkdir -p bin
	$(GO) build -o bin/pgmqdb ./cmd/pgmqdb

run: build
	./bin/pgmqdb start --data $(DATA) --listen $(LISTEN)

tools:
	@tests/install-postgresql

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted: $$out"; exit 1; fi
	$(GO) vet $(PKGS)
	$(GO) tool staticcheck $(PKGS)

# -count=1: the end-to-end tests run a program that Go's test cache does not know they depend on.
test: tools lint build
	$(GO) test -count=1 -timeout 10m $(PKGS)
	$(GO) test -race -short -timeout 10m $(CORE)

test-long: tools lint build
	PGMQDB_LONG=1 $(GO) test -timeout 3h $(PKGS)
	$(GO) test -race -timeout 1h $(CORE)

bench: tools build
	$(GO) run ./tests/bench -write docs/benchmarks.md
