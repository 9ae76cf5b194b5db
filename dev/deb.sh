#!/bin/bash
# Bilag's Debian package, made by dpkg-deb of what deploy/ has.
#
#   deb.sh build [BINARY]   writes bilag_VERSION_ARCHITECTURE.deb into the target folder's deb/; without a binary of the
#                           release profile, builds one
#   deb.sh test             the same, then installs it in a minimal Debian, upgrades, removes and purges it. Needs root
set -euo pipefail
cd "$(dirname "$0")/.."
here=dev
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}/deb" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
package=$target/deb/bilag_${version}_$architecture.deb

say() {
    printf '%-10s%s\n' "$1" "$2"
}

fail() {
    echo "the package: $1" >&2
    exit 1
}

build() {
    binary=${1:-$target/release/bilag}
    # With the sandbox, as the image is built: alone, its dependencies would have other features.
    [ $# -gt 0 ] || cargo build --release --locked --quiet -p bilag -p sandbox
    root=$(mktemp -d)
    trap 'rm -rf "$root"' RETURN
    chmod 755 "$root"
    share=$root/usr/share
    units=$root/usr/lib/systemd/system
    put() { install -m 644 -D -t "$@"; }

    install -m 755 -D "$binary" "$root/usr/bin/bilag"
    put "$units" deploy/systemd/*.service deploy/systemd/*.timer
    for folder in deploy/systemd/*.d; do put "$units/${folder##*/}" "$folder"/*; done
    install -m 644 -D deploy/systemd/bilag.sysusers "$root/usr/lib/sysusers.d/bilag.conf"
    put "$share/bilag" deploy/systemd/*.env.example deploy/postgres/role.sql
    put "$share/bilag/observability" deploy/observability/{prometheus-rules.yaml,grafana-dashboard.json,otel-collector.yaml}
    put "$share/bilag/schemas" schemas/*.*
    mkdir -p "$share"/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d,doc/bilag}
    "$binary" completions bash >"$share/bash-completion/completions/bilag"
    "$binary" completions zsh >"$share/zsh/vendor-completions/_bilag"
    "$binary" completions fish >"$share/fish/vendor_completions.d/bilag.fish"
    "$binary" man "$share/man/man1"
    gzip -9n "$share"/man/man1/*
    gzip -9nc CHANGELOG.md >"$share/doc/bilag/changelog.gz"
    { echo "MIT, or Apache 2.0 (/usr/share/common-licenses/Apache-2.0), at your option." && echo && cat LICENSE-MIT; } \
        >"$share/doc/bilag/copyright"

    mkdir "$root/DEBIAN"
    install -m 755 -t "$root/DEBIAN" deploy/debian/{postinst,prerm,postrm}
    # The newest symbols of glibc that the binary needs.
    glibc=$(objdump -T "$binary" | grep -o 'GLIBC_2[.0-9]*' | sort -uV | tail -n 1)
    sed "s/VERSION/$version/; s/ARCHITECTURE/$architecture/; s/GLIBC/${glibc#GLIBC_}/" deploy/debian/control >"$root/DEBIAN/control"
    # Of a folder that a strict umask made.
    chmod -R u=rwX,go=rX "$root"
    dpkg-deb --root-owner-group -Zzstd -z6 --build "$root" "$package" >/dev/null
    say package "$package, $(du -m "$package" | cut -f 1) MB"
}

case "${1-} $#" in
"build 1" | "build 2") build "${@:2}" ;;
"test 1")
    build
    # shellcheck source=dev/deb-test.sh
    . "$here/deb-test.sh"
    ;;
*)
    sed -n '4,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
