# shellcheck shell=bash
# What the project's checks need beyond the platform.

BUF_VERSION=1.75.0
DENY_VERSION=0.20.2
MACHETE_VERSION=0.9.2
# Raised when the list of packages below changes.
PYTHON_REVISION=1
PYTHON_PACKAGES=(rust-just==1.59.0 pika==1.3.2 grpcio==1.76.0 grpcio-tools==1.76.0 jsonschema==4.25.1 pytest==8.4.2)

need_checks() {
    need_apt npm npm
    need_apt shellcheck shellcheck
    need_file /usr/share/doc/python3-venv python3-venv
    need_tool "buf-$BUF_VERSION" node_modules/.bin/buf install_npm buf "$BUF_VERSION" @bufbuild/buf
    # Unoptimised builds in a fraction of the time, and these tools run for seconds.
    need_tool "cargo-deny-$DENY_VERSION" bin/cargo-deny install_crate cargo-deny "$DENY_VERSION" --locked --debug
    need_tool "cargo-machete-$MACHETE_VERSION" bin/cargo-machete install_crate cargo-machete "$MACHETE_VERSION" --locked --debug
    need_tool "python-$PYTHON_REVISION" installed install_venv python "$PYTHON_REVISION" "${PYTHON_PACKAGES[@]}"
}

# Puts the tools on PATH and names the Python that has the packages.
use_checks() {
    PATH=$TOOLS/buf-$BUF_VERSION/node_modules/.bin:$TOOLS/cargo-deny-$DENY_VERSION/bin:$TOOLS/cargo-machete-$MACHETE_VERSION/bin:$PATH
    PATH=$PATH:$TOOLS/python-$PYTHON_REVISION/bin
    export PATH KATONIC_TEST_PYTHON=$TOOLS/python-$PYTHON_REVISION/bin/python
}
