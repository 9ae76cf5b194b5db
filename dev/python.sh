#!/bin/sh
# Prints the path of a Python that has the given packages. Installs them from PyPI on first use, into an
# environment of their own below XDG_CACHE_HOME.
#
#   python.sh PACKAGE==VERSION...
set -eu

for package; do
    case $package in
    *?==?*) ;;
    *)
        echo "not pinned: $package. Say PACKAGE==VERSION" >&2
        exit 2
        ;;
    esac
done

# The same packages are one environment, in whichever order they are named.
system=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable), sys.version)') || {
    echo "missing: python3" >&2
    exit 1
}
sorted=$(printf '%s\n' "$@" | sort -u)
name=$(printf '%s\n' "$system" "$sorted" | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/python
python=$cache/$name/bin/python

install() {
    [ ! -e "$cache/$name/complete" ] || return 0
    rm -rf "${cache:?}/$name"
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        "$(dirname "$0")/install.sh" python3-venv
    fi
    echo "installing $*" >&2
    if ! { python3 -m venv "$cache/$name" && "$python" -m pip install --quiet --disable-pip-version-check "$@"; } >"$cache/$name.log" 2>&1; then
        tail -n 20 "$cache/$name.log" >&2
        echo "pip could not install: $*" >&2
        return 1
    fi
    rm -f "$cache/$name.log"
    touch "$cache/$name/complete"
}

if [ ! -e "$cache/$name/complete" ]; then
    mkdir -p "$cache"
    # One after the other, where several ask for it at once.
    exec 9>"$cache/$name.lock"
    flock 9
    install "$@"
fi
echo "$python"
