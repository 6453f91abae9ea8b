# make run    sets up, builds and starts watching this user's model caches
# make test   sets up and passes every test
#
# make setup installs what is missing and is quick when nothing is. It needs root (or sudo) only when a Debian package is missing.

CARGO ?= cargo
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.requirements.sha256

.PHONY: setup setup-build setup-test run build test lint licences

setup: setup-build setup-test

# A C compiler, for SQLite's source.
setup-build:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs (1.95 or newer), then try again." >&2; exit 1; }
	@command -v cc >/dev/null || tests/support/apt-install build-essential

# The real clients that the end-to-end tests drive.
setup-test: setup-build
	@python3 -c 'import venv, ensurepip' 2>/dev/null || tests/support/apt-install python3 python3-venv
	@test -x /lib/systemd/systemd-journald || test "$$(id -u)" != 0 || tests/support/apt-install systemd
	@sha256sum tests/e2e/requirements.txt | cmp -s - $(STAMP) || { \
		python3 -m venv $(VENV) && \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check -r tests/e2e/requirements.txt && \
		sha256sum tests/e2e/requirements.txt > $(STAMP); }

build: setup-build
	$(CARGO) build --release

run: build
	target/release/modelscand watch

test: setup
	$(CARGO) test --features misbehave

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --all-features -- -D warnings

licences:
	cargo-deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny@0.20.2
	cargo-deny --all-features check licenses bans sources
