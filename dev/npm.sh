#!/bin/sh
# Prints the path of a folder with the npm packages (node_modules) that FOLDER/package-lock.json names. Installs them on
# first use, below XDG_CACHE_HOME. Where npm is missing, apt installs it.
#
#   npm.sh FOLDER
set -eu

from=$(cd "$1" && pwd)
name=$(basename "$from")-$(sha256sum <"$from/package-lock.json" | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/npm

mkdir -p "$cache"
# One after the other, where several ask for it at once.
exec 9>"$cache/$name.lock"
flock 9
command -v npm >/dev/null || "$(dirname "$0")/install.sh" nodejs npm
if [ ! -e "$cache/$name/complete" ]; then
    echo "installing the npm packages of $1" >&2
    rm -rf "${cache:?}/$name"
    mkdir "$cache/$name"
    cp "$from/package.json" "$from/package-lock.json" "$cache/$name"
    (cd "$cache/$name" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    touch "$cache/$name/complete"
fi
echo "$cache/$name"
