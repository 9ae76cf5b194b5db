#!/bin/bash
# Bilag's image, built without an engine and without a registry, and really started.
#
#   image.sh build   builds deploy/Dockerfile with buildah and leaves the image's files in
#                    $XDG_CACHE_HOME/bilag-ci/image/root (or ~/.cache/...)
#   image.sh test    the same, then runs a receipt through it as Kubernetes would start it: not as root,
#                    on a root file system that cannot be written to, ended by SIGTERM
#
# Both base images are made of Debian's packages by debootstrap, of this machine's own release: one with a
# compiler, and one with glibc, libgcc and the authorities' certificates alone, which is what distroless is.
# The compiler is this machine's Rust. It works on this machine's own folders, at their own paths, which cargo
# knows what it compiled by: what was built for the release profile already is not built again.
# Needs Debian, and root (debootstrap, chroot).
set -euo pipefail
cd "$(dirname "$0")/.."
here=dev

cache=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/image
tools=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/tools
cargo_home=${CARGO_HOME:-$HOME/.cargo}
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
cyclonedx=$(sed -n 's/^ARG CYCLONEDX_VERSION=//p' deploy/Dockerfile)
root=$cache/root

say() {
    printf '%-10s%s\n' "$1" "$2"
}

fail() {
    echo "the image: $1" >&2
    exit 1
}

bud() {
    buildah --root "$cache/storage" --runroot "$cache/run" --storage-driver vfs "$@"
}

# Removes what buildah keeps: each layer is a copy of all below it. Of a build that was ended, folders of this machine
# may still be mounted in there, which must not be removed with it.
forget() {
    awk -v below="$cache/storage/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        xargs -r -n 1 umount
    rm -rf "$cache/storage" "$cache/run"
}

# --- what it is built of

get_tools() {
    [ "$(id -u)" -eq 0 ] || fail "debootstrap and chroot need root; run it as root"
    "$here/install.sh" buildah
    "$here/tool.sh" cargo-cyclonedx "$cyclonedx" >/dev/null
}

# The libraries of some of its packages. They name them by /lib, which has been a link to /usr/lib since Debian 12.
libraries_of() {
    chroot "$debian" dpkg -L "$@" | sed -n 's#^/\(usr/\)\{0,1\}\(lib.*\.so\(\.[0-9]*\)*\)$#usr/\2#p' |
        grep -v gconv | sort -u
}

make_bases() {
    container=$(bud from scratch)
    bud copy -q "$container" "$debian" / >/dev/null
    bud config --env "PATH=$tools/bin:$(rustc --print sysroot)/bin:/usr/bin:/bin" --env "CARGO_HOME=$cargo_home" \
        --env "CARGO_TARGET_DIR=$target" --env CARGO_NET_OFFLINE=true "$container"
    bud commit -q --rm "$container" bilag-builder >/dev/null

    runtime=$(mktemp -d "$cache/runtime.XXXXXX")
    chmod 755 "$runtime"
    { libraries_of libc6 libgcc-s1 && printf '%s\n' lib lib64 etc/ssl/certs/ca-certificates.crt; } |
        tar -C "$debian" -c -T - | tar -C "$runtime" -x
    container=$(bud from scratch)
    bud copy -q "$container" "$runtime" / >/dev/null
    bud commit -q --rm "$container" bilag-runtime >/dev/null
    rm -rf "$runtime"
}

# --- the image

build() {
    get_tools
    debian=$("$here/debian.sh")
    forget
    rm -rf "$root"
    mkdir -p "$root"
    make_bases
    cargo fetch --locked --quiet
    say build "deploy/Dockerfile, for linux/$(uname -m)"
    bud bud --quiet --isolation chroot --file deploy/Dockerfile --tag bilag \
        --build-arg BUILDER_IMAGE=localhost/bilag-builder --build-arg RUNTIME_IMAGE=localhost/bilag-runtime \
        --volume "$(rustc --print sysroot):$(rustc --print sysroot):ro" --volume "$tools:$tools:ro" \
        --volume "$cargo_home/registry:$cargo_home/registry:ro" --volume "$target:$target" \
        . >"$cache/build.log" 2>&1 || {
        tail -n 30 "$cache/build.log" >&2
        fail "it was not built; the reason is above"
    }
    container=$(bud from --pull-never localhost/bilag)
    bud inspect --type image --format '{{.OCIv1.Config.User}}' bilag >"$cache/user"
    bud inspect --type image --format '{{index .OCIv1.Config.Entrypoint 0}}' bilag >"$cache/entrypoint"
    cp -a "$(bud mount "$container")/." "$root/"
    bud umount --all >/dev/null
    forget
    say image "$(du -sm "$root" | cut -f 1) MB, of which the binary has $(du -m "$root/bilag" | cut -f 1)"
}

case "$*" in
build) build ;;
test)
    build
    # shellcheck source=dev/image-test.sh
    . "$here/image-test.sh"
    ;;
*)
    sed -n '4,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
