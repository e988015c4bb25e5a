# shellcheck shell=bash
# Shared by the scripts: where things are, and how progress is shown.
#
# Sourced first. Sets REPO, TOOLS, DIST and CARGO_TARGET_DIR.
# shellcheck disable=SC2034  # used by those that source this

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/katonic
# Tools that are built from source: one folder for each name and version.
TOOLS=$CACHE/tools
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
# Where `just build` puts the programs that `katonic up` starts.
DIST=$CARGO_TARGET_DIR/dist
# Where rustup puts cargo; a shell that was there before does not know it.
PATH=$PATH:$HOME/.cargo/bin
SCRIPT_STARTED=$SECONDS

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    say "error: $*"
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# step NAME COMMAND…: runs a command, its output in a log that is shown if it
# fails, and says how long it took.
step() {
    local name=$1 begun=$SECONDS log status=0
    shift
    log=$(mktemp)
    printf '  %-44s ' "$name" >&2
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        say "failed after $((SECONDS - begun)) s"
        tail -n 40 "$log" | sed 's/^/  | /' >&2
        rm -f "$log"
        fail "$name: exit code $status"
    fi
    rm -f "$log"
    say "$((SECONDS - begun)) s"
}

# step_shown NAME COMMAND…: the same for what shows its own progress.
step_shown() {
    local name=$1 begun=$SECONDS
    shift
    say "  $name …"
    "$@" </dev/null || fail "$name: exit code $?"
    say "  $name: $((SECONDS - begun)) s"
}
