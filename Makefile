# Tasks. "make" lists them.

.PHONY: help check test demo up down lint format clippy deny generate generated book manifests image image-test deb deb-test bench bench-backfill bench-check bench-scale

target := $${CARGO_TARGET_DIR:-target}

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'

# With the features of "make test", so that no dependency is compiled twice.
build_all := cargo build --workspace --bins --tests --quiet

check: format ## the fast loop: format, unit tests, reference pages, repository rules; no broker, no browser
	cargo test --quiet --workspace --lib --bins --test tidy --test modules
	cargo build --quiet --workspace --bins
	cargo xtask reference --check

test: ## run every test on private brokers and a private PostgreSQL server
	@dev/test.sh

demo: ## run the chain with sample data on a private broker; leaves nothing running
	@dev/demo.sh run

up: ## run the demo and keep it running, with the console and dead letters
	@dev/demo.sh up

down: ## stop what "make up" started
	@dev/demo.sh down

lint: format clippy deny generated book manifests ## check format, lints, dependencies, generated files, links and manifests

format:
	cargo fmt --all -- --check

clippy:
	cargo clippy --workspace --all-targets --quiet -- -D warnings

deny:
	@cargo xtask deny

generated:
	$(build_all)
	cargo xtask schemas --check
	cargo xtask reference --check

generate: ## write schemas/, docs/settings.md and docs/commands.md from the code
	cargo build --quiet -p bilag
	cargo xtask schemas
	cargo xtask reference

book: ## build the documentation into target/book and check its links
	@cargo xtask book

manifests:
	@cargo xtask manifests

image: ## build the container image with buildah, without an engine or a registry
	@dev/image.sh build

image-test: ## build the image, and run a receipt through it as Kubernetes would
	@dev/image.sh test

deb: ## build the Debian package into target/deb
	@dev/deb.sh build

deb-test: ## build the Debian package; install, upgrade, remove and purge it in a minimal Debian
	@dev/deb.sh test

build_bench := cargo build --quiet --release -p bilag -p bilag-tests --bins

bench: ## measure rendering, the chain and the store (docs/performance.md)
	cargo bench --quiet -p receipt-pdf
	cargo bench --quiet -p sync-store
	$(build_bench)
	"$(target)/release/bench"

bench-check: ## measure the chain beside a bare relay, not optimized; fail if it lost a third since tests/figures.json
	$(build_all)
	"$(target)/debug/bench" check

bench-scale: ## measure one, two and four processes of each stage
	$(build_bench)
	"$(target)/release/bench" scale

bench-backfill: ## measure a million receipts by "bilag backfill"; takes half an hour and 10 GB of disk
	$(build_bench)
	"$(target)/release/bench" backfill
