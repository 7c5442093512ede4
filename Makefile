# One command each: `make run` to try it, `make test` before a commit, `make check` before a merge.

CARGO ?= cargo
BIN   := $(or $(CARGO_TARGET_DIR),target)/release/pinhook
STAGE ?= 5
GOLDEN_PORT ?= 7400

.PHONY: run test check fmt clippy doc deny conf bench load golden h2spec tools build plugins

## Builds and starts the quickstart: gateway on 8080, metrics on 9090, two echo upstreams, no Redis.
run:
	@scripts/quickstart

build:
	$(CARGO) build --release

## Installs what the tests need and is missing (or names it), then runs every test.
test: tools
	$(CARGO) test --quiet
	@scripts/golden --stage $(STAGE)

tools:
	@scripts/tools

## All that has to be clean before a merge.
check: fmt clippy doc deny conf test

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc --no-deps --document-private-items --quiet

## Bans, licences and sources of the dependency tree.
deny:
	@scripts/deny

## Every sample in conf/ has to load without a problem.
conf: plugins
	$(CARGO) run --quiet -- check --conf conf/pinhook.yaml
	$(CARGO) run --quiet -- lint conf/apis/*.json

plugins:
	@scripts/plugins add_header sticky

bench:
	$(CARGO) bench --bench hot_path

## Drives any base URL: make load URL=http://127.0.0.1:8080/greeters/
load:
	$(CARGO) bench --bench load -- $(URL)

## HTTP/2 conformance of both kinds of listeners; needs Go or h2spec.
h2spec: build
	@BIN='$(BIN)' scripts/h2spec

## Replays the recorded behaviour of Tyk Gateway against a release build.
golden: build
	python3 tests/golden/replay.py --gateway '$(abspath $(BIN)) run --conf {conf}' --stage $(STAGE) --port-base $(GOLDEN_PORT) \
		--grpc-python "$$(scripts/grpc-python)" --go-build '$(abspath $(BIN)) plugin build {src} -o {out}' tests/golden/cases
