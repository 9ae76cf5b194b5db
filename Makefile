# Everything there is to run here. "make" alone tells what.

.PHONY: help demo up down test image image-test bench bench-scale lint format clippy deny check-schemas asyncapi manifests schemas

help: ## tell what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s%s\n", $$1, $$2 }'

demo: ## watch receipts and a package get their invoices on a broker of its own; leaves nothing running
	@dev/demo.sh run

up: ## the same, and stays, with the console and dead letters, to be played with
	@dev/demo.sh up

down: ## end what "make up" left running
	@dev/demo.sh down

test: ## run every test on a private broker and a private PostgreSQL server
	@dev/test.sh

image: ## build the image with buildah, without an engine and a registry
	@dev/image.sh build

image-test: ## the same, and run a receipt through it as Kubernetes would
	@dev/image.sh test

bench: ## measure rendering, the chain and the store; the README's figures come from it
	cargo bench --quiet -p receipt-pdf
	cargo bench --quiet -p sync-store
	cargo build --quiet --release -p bilag -p bilag-tests --bins
	"$${CARGO_TARGET_DIR:-target}/release/bench"

bench-scale: ## measure one, two and four processes of each stage
	cargo build --quiet --release -p bilag -p bilag-tests --bins
	"$${CARGO_TARGET_DIR:-target}/release/bench" scale

lint: format clippy deny check-schemas asyncapi manifests ## check format, lints, dependencies, schemas and manifests

format:
	cargo fmt --all -- --check

clippy:
	cargo clippy --workspace --all-targets --quiet -- -D warnings

deny:
	@dev/deny.sh

check-schemas:
	cargo test --quiet -p events --test schemas --test examples

asyncapi:
	@dev/asyncapi.sh

manifests:
	@dev/manifests.sh

schemas: ## write schemas/ anew from the types of the events and the topology
	cargo run --quiet -p events --example schemas
	cargo build --quiet -p bilag
	env -i "$${CARGO_TARGET_DIR:-target}/debug/bilag" topology asyncapi >schemas/asyncapi.yaml
