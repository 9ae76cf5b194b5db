#!/bin/sh
# Prints the path of a Python with the packages of tests/alternatives/python, and below it the path of the node_modules
# of tests/alternatives/node: what "make bench" measures Bilag beside. Installs them on first use.
#
#   alternatives.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
from=$here/../tests/alternatives

python=$("$here/python.sh" $(sed 's/ *#.*//' "$from/python/requirements.txt"))
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "too old: $("$python" --version). tests/alternatives/python needs 3.11" >&2
    exit 1
}
modules=$("$here/npm.sh" "$from/node")/node_modules
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2018 ? 1 : 0)' || {
    echo "too old: Node.js $(node --version). tests/alternatives/node needs 20.18" >&2
    exit 1
}

# npm.sh runs no scripts of packages. SQLite is compiled against the headers beside this Node.js, if there are any.
sqlite=$modules/better-sqlite3
built=$sqlite/build/$(node --version)
# One after the other, where several ask for it at once.
exec 9>"$modules/../lock"
flock 9
if [ ! -e "$built" ]; then
    prefix=$(node -p 'path.dirname(path.dirname(process.execPath))')
    [ ! -e "$prefix/include/node/node.h" ] || export npm_config_nodedir="$prefix"
    echo "compiling SQLite for Node.js" >&2
    JOBS=max npm --prefix "$sqlite" run --silent build-release >"$modules/../build.log" 2>&1 || {
        tail -n 20 "$modules/../build.log" >&2
        exit 1
    }
    touch "$built"
fi
echo "$python"
echo "$modules"
