# make run    sets up, builds and starts watching this user's model caches
# make test   sets up and passes every test
# make install  builds and installs the program for this user
#
# make setup installs what is missing and is quick when nothing is. It needs root (or sudo) only when a Debian package is missing.

CARGO ?= cargo
VENV := .venv
# Tools of the build that the system has too old.
BUILD_VENV := .venv-build
export PATH := $(CURDIR)/$(BUILD_VENV)/bin:$(PATH)
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.requirements.sha256

.PHONY: setup setup-build setup-test run build install test lint licences

setup: setup-build setup-test

# A C compiler, for the sources of SQLite and HDF5, and cmake 3.26 or newer for the latter: Debian 12 has 3.25.
setup-build:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs (1.95 or newer), then try again." >&2; exit 1; }
	@command -v cc >/dev/null || tests/support/apt-install build-essential
	@cmake --version 2>/dev/null | awk 'NR == 1 { split($$3, v, "."); new = v[1] > 3 || v[1] == 3 && v[2] >= 26 } END { exit !new }' || { \
		{ python3 -c 'import venv, ensurepip' 2>/dev/null || tests/support/apt-install python3 python3-venv; } && \
		python3 -m venv $(BUILD_VENV) && \
		$(BUILD_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'cmake>=3.26,<5'; }

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

# The program for this user, in cargo's bin folder.
install: setup-build
	$(CARGO) install --path . --locked

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
