# shellcheck shell=bash
# shellcheck disable=SC2034  # what it sets is read by those that source this
# The image that executions run in, made through the engine's own API: Docker
# and Podman speak it, whichever program of theirs is installed.

ENGINE_SOCKET=${KATONIC_ENGINE_SOCKET:-/run/docker.sock}
BASE_IMAGE=katonic-base:bookworm
# What is in it beyond Debian's smallest system.
BASE_PACKAGES=python3,ca-certificates

need_image() {
    need_apt curl curl
    need_apt debootstrap debootstrap
}

# engine SOCKET METHOD PATH [CURL ARGUMENT…]
engine() {
    local socket=$1 method=$2 path=$3
    shift 3
    curl --silent --show-error --fail --unix-socket "$socket" --request "$method" "$@" "http://engine$path"
}

engine_answers() {
    [ -S "$1" ] && engine "$1" GET /_ping --max-time 5 >/dev/null 2>&1
}

has_image() {
    engine "$1" GET "/images/$2/json" --output /dev/null 2>/dev/null
}

# A pull that fails in the middle answers 200 and says so in its last line.
pull_image() {
    engine "$1" POST "/images/create?fromImage=${2%:*}&tag=${2##*:}" --max-time 600 --output /dev/null 2>/dev/null \
        && has_image "$1" "$2"
}

# Builds the image from Debian packages; needs root, as debootstrap does. Podman
# heeds a tag only within `repo`.
build_image() {
    local socket=$1 image=$2 root status=0
    root=$(mktemp -d)
    {
        as_root debootstrap --variant=minbase --include="$BASE_PACKAGES" bookworm "$root/system" \
            && as_root rm -rf "$root/system/var/cache/apt/archives" "$root/system/var/lib/apt/lists" \
            && as_root tar --create --numeric-owner --exclude='./dev/*' --directory "$root/system" . \
            | engine "$socket" POST \
                "/images/create?fromSrc=-&repo=$image" \
                --header 'Content-Type: application/x-tar' --header 'Expect:' --upload-file - \
            && has_image "$socket" "$image"
    } || status=$?
    as_root rm -rf --one-file-system "$root"
    return "$status"
}
