#!/bin/sh
# Prints the path of a minimal Debian of this machine's release, with a C compiler and systemd: what the image is built on,
# and what the package is tried in. Made with debootstrap on first use, below XDG_CACHE_HOME. Needs root.
set -eu

packages=gcc,libc6-dev,ca-certificates,systemd
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/image
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
debian=$cache/$suite

if [ "$(cat "$debian.done" 2>/dev/null)" != "$packages" ]; then
    "$(dirname "$0")/install.sh" debootstrap
    echo "debootstrap of $suite (once)" >&2
    mkdir -p "$cache"
    rm -rf "$debian"
    debootstrap --variant=minbase --include="$packages" "$suite" "$debian" >"$cache/debootstrap.log" 2>&1 || {
        tail -n 5 "$cache/debootstrap.log" >&2
        echo "debootstrap did not get Debian $suite" >&2
        exit 1
    }
    rm -rf "$debian/var/cache/apt" "$debian/var/lib/apt" "$debian/usr/share/doc"
    echo "$packages" >"$debian.done"
fi
echo "$debian"
