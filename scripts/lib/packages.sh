# shellcheck shell=bash
# Making packages of what a build has put into $DIST.
#
# Programs are those that are tested: no other profile, only without what debuggers
# read. All but the shim are linked with the system's C library and nothing else.

CYCLONEDX_VERSION=0.5.9
# Our crates of which programs are shipped.
SHIPPED=(
    katonic-cli katonic-api-gateway katonic-metadata katonic-dispatcher katonic-log-streamer katonic-search-indexer
    katonic-agent katonic-shim
)
PACKAGES=$CARGO_TARGET_DIR/packages
VERSION=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' "$REPO/Cargo.toml")
MACHINE=$(uname -m)
# What every name begins with.
RELEASE=katonic-$VERSION-$MACHINE-linux
MAINTAINER=${KATONIC_MAINTAINER:-Katonic maintainers <maintainers@katonic.example>}

need_packages() {
    need_apt cc build-essential
    need_apt dpkg-shlibdeps dpkg-dev
    need_apt git git
    need_apt python3 python3
    need_apt zstd zstd
    # Its debug assertions refuse what crates.io accepts, such as a crate's odd author.
    need_tool "cargo-cyclonedx-$CYCLONEDX_VERSION" bin/cargo-cyclonedx install_crate cargo-cyclonedx "$CYCLONEDX_VERSION" \
        --locked --debug --config profile.dev.debug-assertions=false
}

# Puts the packages into $PACKAGES, all of them or none.
make_packages() {
    local work new=$PACKAGES.new
    # Times in packages are the commit's.
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$REPO" log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # it is this folder that is to go
    trap "rm -rf '$work'" EXIT
    rm -rf "$new"
    mkdir -p "$new"
    lay_tree "$work/$RELEASE"
    make_deb "$work/$RELEASE" "$work/deb" "$new"
    cp "$REPO/LICENSE" "$work/$RELEASE/LICENSE"
    make_tarball "$work" "$new"
    make_boms "$work/sources" "$new"
    (cd "$new" && sha256sum -- * >SHA256SUMS)
    rm -rf "$PACKAGES"
    mv "$new" "$PACKAGES"
}

# What is installed, below a prefix such as /usr. Our programs look for each other beside themselves.
lay_tree() {
    local tree=$1 program page
    mkdir -p "$tree"/{bin,lib/katonic,share/man,share/doc/katonic}
    for program in "$DIST"/katonic*; do
        strip --strip-unneeded -o "$tree/lib/katonic/$(basename "$program")" "$program"
    done
    if [ -d "$DIST/pages" ]; then cp -R "$DIST/pages" "$tree/lib/katonic/pages"; fi
    ln -s ../lib/katonic/katonic "$tree/bin/katonic"
    lay_completions "$tree/share"
    "$DIST/katonic" man --dir "$tree/share/man/man1"
    for page in "$tree"/share/man/man1/*; do gzip -9n "$page"; done
    write_notices >"$tree/share/doc/katonic/THIRD-PARTY-NOTICES.txt"
    gzip -9nc "$REPO/CHANGELOG.md" >"$tree/share/doc/katonic/changelog.gz"
    chmod -R u=rwX,go=rX "$tree"
}

# Where Debian's shells look for them.
lay_completions() {
    local share=$1
    mkdir -p "$share"/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
    "$DIST/katonic" completions bash >"$share/bash-completion/completions/katonic"
    "$DIST/katonic" completions zsh >"$share/zsh/vendor-completions/_katonic"
    "$DIST/katonic" completions fish >"$share/fish/vendor_completions.d/katonic.fish"
}

write_notices() {
    (cd "$REPO" && cargo metadata --locked --format-version 1 --filter-platform "$MACHINE-unknown-linux-gnu") \
        | python3 "$REPO/scripts/lib/notices.py" "$REPO/web/docs/node_modules" "${SHIPPED[@]}"
}

make_tarball() {
    local work=$1 into=$2
    tar --create --directory "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner "$RELEASE" \
        | zstd --quiet -10 -o "$into/$RELEASE.tar.zst"
}

# A package that starts nothing: it has no maintainer scripts and no units.
make_deb() {
    local tree=$1 root=$2 into=$3 revision=$VERSION-1 doc=$2/usr/share/doc/katonic
    mkdir -p "$root/DEBIAN"
    cp -R "$tree" "$root/usr"
    write_copyright >"$doc/copyright"
    write_changelog "$revision" | gzip -9nc >"$doc/changelog.Debian.gz"
    mkdir -p "$root/usr/share/lintian/overrides"
    write_overrides >"$root/usr/share/lintian/overrides/katonic"
    write_control "$root" "$revision" >"$root/DEBIAN/control"
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    chmod -R u=rwX,go=rX "$root"
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$into/katonic_${revision}_$(dpkg --print-architecture).deb" >/dev/null
}

write_control() {
    local root=$1 revision=$2
    cat <<CONTROL
Package: katonic
Version: $revision
Architecture: $(dpkg --print-architecture)
Maintainer: $MAINTAINER
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Depends: $(libraries "$root/usr/lib/katonic"), git
Suggests: erlang-base, python3, rabbitmq-server, redis-server
Section: science
Priority: optional
Description: control plane of a data-science platform
 Katonic runs people's code on compute: it pins what goes in, shows the log as
 it is written, keeps results with their provenance, and tells every fact to
 whoever subscribes. This package has the command line and all services.
 .
 It starts nothing. "katonic up" starts a platform on this machine, for which
 RabbitMQ, Redis and a MongoDB-compatible store must be installed too; the
 command line alone needs none of them.
CONTROL
}

# The packages of the libraries that the programs are linked with.
libraries() {
    local folder=$1 work
    work=$(mktemp -d)
    mkdir "$work/debian"
    printf 'Source: katonic\n\nPackage: katonic\nArchitecture: any\n' >"$work/debian/control"
    # The shim is linked with none, of which it warns.
    (cd "$work" && dpkg-shlibdeps -O "$folder"/katonic* 2>/dev/null) | sed 's/^shlibs:Depends=//'
    rm -rf "$work"
}

write_copyright() {
    cat <<COPYRIGHT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Katonic
Comment: What the programs contain of others is listed, with its licences, in
 /usr/share/doc/katonic/THIRD-PARTY-NOTICES.txt.

Files: *
Copyright: $(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y) the Katonic authors
License: Apache-2.0
 On Debian systems, the full text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
COPYRIGHT
}

write_changelog() {
    local revision=$1
    cat <<CHANGELOG
katonic ($revision) unstable; urgency=medium

  * Katonic $VERSION; what is new is in changelog.gz.

 -- $MAINTAINER  $(LC_ALL=C date --utc --date="@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')
CHANGELOG
}

write_overrides() {
    cat <<'OVERRIDES'
# It is not of Debian, which has no bug about it.
katonic: initial-upload-closes-no-bugs
# It is static, to run in any container, whatever C library that has.
katonic: shared-library-lacks-prerequisites [usr/lib/katonic/katonic-shim]
OVERRIDES
}

# cargo-cyclonedx writes beside each manifest of the workspace, so it is given a copy.
make_boms() {
    local copy=$1 into=$2 crate bom
    mkdir "$copy"
    git -C "$REPO" ls-files -z | tar --create --directory "$REPO" --null --files-from - | tar --extract --directory "$copy"
    (cd "$copy" && "$TOOLS/cargo-cyclonedx-$CYCLONEDX_VERSION/bin/cargo-cyclonedx" cyclonedx -qq --format json \
        --spec-version 1.5 --target "$MACHINE-unknown-linux-gnu")
    for crate in "${SHIPPED[@]}"; do
        bom=$(find "$copy" -name "$crate.cdx.json" -print -quit)
        # Where the copy was is nobody's business.
        sed "s|file://$copy|file:///katonic|g" "$bom" >"$into/$crate-$VERSION-$MACHINE-linux.cdx.json"
    done
}
