#!/bin/sh
# Checks schemas/asyncapi.yaml with AsyncAPI's own parser. The parser comes from npm, once, into a folder
# below XDG_CACHE_HOME.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
command -v npm >/dev/null || "$here/install.sh" nodejs npm

# Another version of the parser is another folder.
version=$(cksum <"$here/asyncapi/package-lock.json" | cut -d' ' -f1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/asyncapi-$version
if [ ! -e "$folder/complete" ]; then
    mkdir -p "$folder"
    cp "$here/asyncapi/package.json" "$here/asyncapi/package-lock.json" "$folder/"
    if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
        echo "AsyncAPI's parser could not be installed from npm" >&2
        exit 1
    fi
    touch "$folder/complete"
fi

cd "$here/.."
node "$here/asyncapi/validate.mjs" "$folder" schemas/asyncapi.yaml
