#!/bin/sh
# Checks the dependencies against deny.toml: licences, bans, sources and, where the database of
# advisories can be reached, advisories. CARGO_DENY names the program, if it is not on the path.
set -eu

deny=${CARGO_DENY:-cargo-deny}
if ! command -v "$deny" >/dev/null; then
    echo "missing: cargo-deny. Install it: cargo install cargo-deny --locked" >&2
    exit 1
fi

"$deny" check --hide-inclusion-graph bans licenses sources
if GIT_TERMINAL_PROMPT=0 timeout 30 git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    "$deny" check --hide-inclusion-graph advisories
else
    echo "NOT CHECKED: security advisories; their database at github.com/RustSec cannot be reached from here"
fi
