# What one can do here. `scripts/test` installs the tools that these recipes use.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes.
_default:
    @just --list --unsorted

# Install what is missing, build, start
up:
    scripts/up

# Stop the platform; jobs go on
down *ARGS:
    katonic down {{ ARGS }}

# What runs, and whether it is ready
status:
    katonic status

# Build all programs into the folder that `katonic up` uses
build:
    scripts/build

# Make what is released: tarball, Debian package, bills of materials, sums
dist:
    scripts/dist

# Format all code
fmt:
    cargo fmt --all

# Unit and integration tests, with the real servers; all of them, whatever fails. What failed is said again at the end
test *ARGS: build
    #!/usr/bin/env bash
    set -euo pipefail
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    cargo test --locked --workspace --no-fail-fast {{ ARGS }} 2>&1 | tee "$log" && exit
    echo "== what failed"
    sed -n '/^failures:$/,/^test result: /p' "$log"
    exit 1

# Measures the figures; on an idle machine
bench *ARGS: build
    cargo run --locked --bin katonic-bench -- {{ ARGS }}

# Build the book into target/book; `just xtask` checks its links
docs:
    @echo "== docs"
    mdbook build docs/book --dest-dir "$PWD/target/book"

# What schemathesis finds, with many examples
schemathesis EXAMPLES='200': build
    KATONIC_TEST_EXAMPLES={{ EXAMPLES }} cargo test --locked --workspace --test all -- whatever_is_asked

# Kills every part at each of three points of a run, under load
storm: build
    KATONIC_TEST_WHOLE_STORM=1 cargo test --locked --workspace --test all -- every_part_is_killed

# Takes the broker away while jobs go on
outage SECONDS='300': build
    KATONIC_TEST_OUTAGE_SECONDS={{ SECONDS }} cargo test --locked --workspace --test all -- submits_go_on

# Write the documents and clients that are made from contracts and programs
generate:
    cargo run --locked --bin xtask -- generate
    cd clients/python && "$KATONIC_TEST_PYTHON" generate

# What CI runs
ci: fmt-check shellcheck python compose clippy deny machete buf xtask docs doc test check-dist

# Formatting
fmt-check:
    @echo "== fmt"
    cargo fmt --all --check

# Shell scripts
shellcheck:
    @echo "== shellcheck"
    shellcheck -x scripts/up scripts/test scripts/build scripts/base-image scripts/dist scripts/check-dist scripts/lib/*.sh .ci/run

# The Python client: that its generated files are current; lints and types. Its tests run with all others
python:
    @echo "== python"
    cd clients/python && "$KATONIC_TEST_PYTHON" generate --check && ruff check && ruff format --check && mypy

# The services of compose/, by the Compose specification
compose:
    @echo "== compose"
    check-jsonschema --builtin-schema vendor.compose-spec compose/compose.yaml

# Lints, with the bans of clippy.toml
clippy:
    @echo "== clippy"
    cargo clippy --locked --workspace --all-targets -- -D warnings

# Bans, licences and sources of dependencies
deny:
    @echo "== deny"
    cargo-deny --locked check --hide-inclusion-graph bans licenses sources

# Dependencies that nobody uses
machete:
    @echo "== machete"
    cargo-machete

# Lint of the contracts
buf:
    @echo "== buf"
    buf lint proto

# Layers, links, rows of errors and metrics, READMEs, documents made from the contracts
xtask:
    @echo "== xtask"
    cargo run --locked --bin xtask -- check

# Documentation of the code without broken links
doc:
    @echo "== doc"
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

# What `just dist` makes: unpacked, run, read
check-dist: dist
    @echo "== dist"
    scripts/check-dist
