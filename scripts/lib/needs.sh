# shellcheck shell=bash
# What the machine must have, and installing what is missing of it.
#
#   need_apt COMMAND PACKAGE     a Debian package, by a program of it
#   need_file FILE PACKAGE       the same, by a file of it
#   need_rust                    the toolchain that rust-toolchain.toml names
#   need_tool FOLDER PROGRAM …   a program in the tools folder, and who installs it
#   install_needs                installs what the calls above found missing
#
# Where nothing may be installed (no root and no sudo, or KATONIC_NO_INSTALL=1)
# install_needs names everything that is missing and exits with 2.

MISSING_APT=()
MISSING_TOOLS=()
MISSING_OTHER=()

# Debian packages need root; the rest goes to the user's own cache.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    [ "${KATONIC_NO_INSTALL:-0}" != 1 ]
}

may_install_apt() {
    may_install && has apt-get && { [ "$(id -u)" -eq 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }
}

need_apt() {
    local command=$1 package=$2
    # Servers lie in folders that a user's PATH may lack.
    PATH=$PATH:/usr/sbin:/sbin has "$command" || MISSING_APT+=("$package")
}

need_file() {
    local file=$1 package=$2
    [ -e "$file" ] || MISSING_APT+=("$package")
}

need_rust() {
    local wanted
    wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$REPO/rust-toolchain.toml")
    # A source folder of a dependency may name another toolchain for itself.
    export RUSTUP_TOOLCHAIN=${RUSTUP_TOOLCHAIN:-$wanted}
    if ! has cargo || ! (cd "$REPO" && cargo --version) >/dev/null 2>&1; then
        MISSING_OTHER+=("Rust $wanted with cargo, clippy and rustfmt (https://rustup.rs)")
    fi
}

# need_tool FOLDER PROGRAM INSTALLER ARGUMENT…
need_tool() {
    local folder=$1 program=$2
    shift 2
    [ -x "$TOOLS/$folder/$program" ] || MISSING_TOOLS+=("$folder $*")
}

install_needs() {
    local entry
    if [ ${#MISSING_OTHER[@]} -gt 0 ] \
        || { [ ${#MISSING_APT[@]} -gt 0 ] && ! may_install_apt; } \
        || { [ ${#MISSING_TOOLS[@]} -gt 0 ] && ! may_install; }; then
        say "missing, and not to be installed from here:"
        for entry in "${MISSING_OTHER[@]}"; do say "  $entry"; done
        for entry in "${MISSING_APT[@]}"; do say "  Debian package $entry"; done
        for entry in "${MISSING_TOOLS[@]}"; do say "  ${entry%% *} in $TOOLS"; done
        exit 2
    fi
    if [ ${#MISSING_APT[@]} -gt 0 ]; then
        step "apt: ${MISSING_APT[*]}" install_apt "${MISSING_APT[@]}"
    fi
    for entry in "${MISSING_TOOLS[@]}"; do
        # The folder, then the installer with its arguments.
        read -r -a words <<<"$entry"
        step "${words[0]}" "${words[@]:1}"
    done
    MISSING_APT=() MISSING_TOOLS=()
}

# What Debian asks whether a package may start its service.
POLICY=/usr/sbin/policy-rc.d
POLICY_KEPT=$POLICY.katonic-kept
POLICY_MARK='# Made by Katonic while it installs packages'

# Installs Debian packages without letting any of them start a service.
install_apt() {
    local status=0
    # What an interrupted install has left is not the user's.
    restore_policy
    trap restore_policy EXIT
    if [ -e "$POLICY" ]; then as_root mv "$POLICY" "$POLICY_KEPT"; fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
    {
        as_root apt-get update -q
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
    } || status=$?
    restore_policy
    trap - EXIT
    return "$status"
}

# Puts back what was there before the install.
restore_policy() {
    if grep -qs "$POLICY_MARK" "$POLICY"; then as_root rm -f "$POLICY"; fi
    if [ -e "$POLICY_KEPT" ] && [ ! -e "$POLICY" ]; then as_root mv "$POLICY_KEPT" "$POLICY"; fi
}

# Builds a crate's programs into its folder; a half-built one is never seen.
install_crate() {
    local name=$1 version=$2 folder target
    shift 2
    folder=$TOOLS/$name-$version
    target=$(mktemp -d)
    rm -rf "$folder.new"
    mkdir -p "$TOOLS"
    (cd "$target" && CARGO_TARGET_DIR=$target cargo install "$name" --version "$version" --root "$folder.new" "$@") \
        || { rm -rf "$target" "$folder.new"; return 1; }
    rm -rf "$target" "$folder"
    mv "$folder.new" "$folder"
}

# An environment cannot be moved: it counts once its mark is written.
install_venv() {
    local name=$1 version=$2 folder
    shift 2
    folder=$TOOLS/$name-$version
    rm -rf "$folder"
    python3 -m venv "$folder" || return 1
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || return 1
    printf '#!/bin/sh\nexit 0\n' >"$folder/installed"
    chmod 755 "$folder/installed"
}
