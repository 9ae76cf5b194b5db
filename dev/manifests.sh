#!/bin/bash
# Checks deploy/kubernetes and deploy/compose.yaml as far as that goes without a cluster and an engine: every overlay
# is built, each object is held against the schemas of Kubernetes and KEDA, and all of them against what must hold
# in dev/manifests.py.
set -euo pipefail
cd "$(dirname "$0")/.."
here=dev

# The oldest and the newest Kubernetes that are checked for.
versions="1.29 1.37"
requirements="kubernetes-validate==1.37.0 cloudcoil-models-keda==2.16.1.0 cloudcoil==0.6.0"
venv=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/manifests

command -v kubectl >/dev/null || "$here/install.sh" kubernetes-client
if [ "$(cat "$venv/requirements" 2>/dev/null)" != "$requirements" ]; then
    rm -rf "$venv"
    # Debian's Python has no venv of its own.
    python3 -m venv "$venv" 2>/dev/null || {
        "$here/install.sh" python3-venv
        python3 -m venv --clear "$venv"
    }
    # shellcheck disable=SC2086 # a list
    "$venv/bin/pip" install --quiet --disable-pip-version-check $requirements
    echo "$requirements" >"$venv/requirements"
fi

built=$(mktemp -d "${TMPDIR:-/tmp}/bilag-manifests.XXXXXX")
trap 'rm -rf "$built"' EXIT
for overlay in deploy/kubernetes/overlays/*; do
    file=$built/$(basename "$overlay").yaml
    kubectl kustomize "$overlay" >"$file"
    # KEDA's own are none of Kubernetes'.
    "$venv/bin/python" "$here/manifests.py" without-keda "$file" >"$built/own.yaml"
    for version in $versions; do
        "$venv/bin/kubernetes-validate" --kubernetes-version "$version" --strict --quiet "$built/own.yaml"
    done
done
rm "$built/own.yaml"
"$venv/bin/python" "$here/manifests.py" check "$built"/*.yaml

# Only the file: neither images nor an engine are asked for.
command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || "$here/install.sh" docker-compose
if command -v docker-compose >/dev/null; then
    docker-compose --file deploy/compose.yaml config --quiet
else
    docker compose --file deploy/compose.yaml config --quiet
fi
