# shellcheck shell=bash
# shellcheck disable=SC2034  # what it sets is read by those that source this
# What the platform itself needs, and building it.

SECANTUS_VERSION=0.5.3-beta.196

# Servers, and what jobs and examples use.
need_platform() {
    need_rust
    need_apt cc build-essential
    need_apt git git
    need_apt python3 python3
    need_apt redis-server redis-server
    need_apt epmd erlang-base
    need_file /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
    if ! has mongod && ! has secantusd-rs; then
        need_tool "secantus-mdb-$SECANTUS_VERSION" bin/secantusd-rs install_secantus
        [ -x "$TOOLS/secantus-mdb-$SECANTUS_VERSION/bin/secantusd-rs" ] || need_apt cmake cmake
    fi
}

install_secantus() {
    install_crate secantus-mdb "$SECANTUS_VERSION" --ignore-rust-version
}

# Builds every program and puts it into $DIST, from where it is run: a later
# build then never changes a program under a running platform.
build_platform() {
    local program
    cd "$REPO" || return 1
    # The whole workspace, as the tests build it: another selection would have
    # other features, and everything would be compiled twice.
    cargo build --locked --workspace --bins || return 1
    # The shim runs in any container: static, for the gnu target.
    RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --locked -p katonic-shim --target x86_64-unknown-linux-gnu || return 1
    mkdir -p "$DIST"
    for program in api-gateway metadata dispatcher log-streamer search-indexer agent; do
        put_program "$CARGO_TARGET_DIR/debug/katonic-$program" || return 1
    done
    put_program "$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/debug/katonic-shim" || return 1
    put_program "$CARGO_TARGET_DIR/debug/katonic" || return 1
    build_pages
}

# Builds the pages about the API where there is npm; the platform runs without.
build_pages() {
    if ! has npm; then
        say "  no npm: the pages at /docs are left out"
        return 0
    fi
    (
        cd "$REPO/web/docs" || exit 1
        # npm writes that file once everything is there.
        [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent || exit 1
        npm run --silent build -- "$DIST/pages"
    )
}

# Whether a build has put a program that was not there as it is.
PROGRAMS_CHANGED=

put_program() {
    local target
    target=$DIST/$(basename "$1")
    cmp -s "$1" "$target" && return 0
    PROGRAMS_CHANGED=yes
    cp "$1" "$target.new" && mv "$target.new" "$target"
}

# Links `katonic` to where the user can run it, and says where.
link_program() {
    local folder=$HOME/.local/bin
    [ "$(id -u)" -ne 0 ] || folder=/usr/local/bin
    mkdir -p "$folder"
    ln -sfn "$DIST/katonic" "$folder/katonic"
    say "  katonic is $folder/katonic"
    case ":$PATH:" in
        *":$folder:"*) ;;
        *) say "  (add $folder to your PATH)" ;;
    esac
}
