#!/bin/sh
# Prints the path of a Rust tool of one version. Installs it on first use, below XDG_CACHE_HOME.
#
#   tool.sh NAME VERSION
set -eu

name=$1
version=$2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/tools
program=$cache/bin/$name
# A subcommand of cargo may want its own name first.
case $({ "$program" --version || "$program" "${name#cargo-}" --version; } 2>/dev/null || true) in
*"$version"*) ;;
*)
    # Unoptimised: built once in minutes, run in seconds.
    CARGO_TARGET_DIR=$cache/target CARGO_INCREMENTAL=0 \
        cargo install "$name" --locked --quiet --version "$version" --debug --root "$cache" >&2
    rm -rf "$cache/target"
    ;;
esac
echo "$program"
