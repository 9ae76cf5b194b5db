#!/bin/sh
# Prints the path of a Python with the packages of tests/alternatives/python, and below it the path of the node_modules
# of tests/alternatives/node: what "make bench" measures Bilag beside. Installs them on first use, below
# ${CARGO_TARGET_DIR:-target}/alternatives. Where Python or Node.js is missing, apt installs it.
#
#   alternatives.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
from=$here/../tests/alternatives
target=${CARGO_TARGET_DIR:-$here/../target}
mkdir -p "$target/alternatives"
cache=$(cd "$target/alternatives" && pwd)

# One after the other, where several ask for it at once.
exec 9>"$cache/lock"
flock 9

# The rest of the arguments in $1, unless that was done before with the same files. Its output is shown if it fails.
once() {
    done=$cache/$1.done what=$(cat "$from/$1"/*.txt "$from/$1"/*.json 2>/dev/null | sha256sum; "$2" --version)
    [ "$what" != "$(cat "$done" 2>/dev/null)" ] || return 0
    echo "installing the packages of tests/alternatives/$1" >&2
    rm -rf "${cache:?}/$1" "$done"
    mkdir "$cache/$1"
    if ! "$3" >"$cache/$1.log" 2>&1; then
        tail -n 20 "$cache/$1.log" >&2
        exit 1
    fi
    echo "$what" >"$done"
}

install_python() {
    python3 -m venv "$cache/python" &&
        "$cache/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$from/python/requirements.txt"
}

# SQLite is compiled here, against the headers beside this Node.js if there are any.
install_node() {
    prefix=$(node -p 'path.dirname(path.dirname(process.execPath))')
    [ ! -e "$prefix/include/node/node.h" ] || export npm_config_nodedir="$prefix"
    cp "$from/node/package.json" "$from/node/package-lock.json" "$cache/node" && cd "$cache/node" &&
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error &&
        JOBS=max npm --prefix node_modules/better-sqlite3 run --silent build-release
}

python3 -c 'import ensurepip, venv' 2>/dev/null || "$here/install.sh" python3 python3-venv
command -v npm >/dev/null || "$here/install.sh" nodejs npm
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "too old: $(python3 --version). tests/alternatives/python needs 3.11" >&2
    exit 1
}
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2018 ? 1 : 0)' || {
    echo "too old: Node.js $(node --version). tests/alternatives/node needs 20.18" >&2
    exit 1
}
once python python3 install_python
once node node install_node
echo "$cache/python/bin/python"
echo "$cache/node/node_modules"
