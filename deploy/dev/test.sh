#!/bin/bash
# Every test of the workspace, on a private broker and a private PostgreSQL server.
#
#   test.sh [ARGUMENT OF cargo test...]
#
# BILAG_TEST_AMQP_URL with BILAG_TEST_MANAGEMENT_URL name another broker to test on, of any version
# from 3.10; its user "guest" must be an administrator. BILAG_TEST_POSTGRES_URL names another server.
# RUST_TEST_THREADS bounds how many tests run at once; each may start several processes.
set -eu
cd "$(dirname "$0")/../.."
here=deploy/dev

for name in "${!BILAG_@}" "${!OMNIUM_@}" "${!OTEL_@}" "${!INVOICE_SERVICE_@}" "${!OMS_@}" "${!ERP_@}"; do
    case $name in
    BILAG_TEST_*) ;;
    *) unset "$name" ;;
    esac
done

private=$(mktemp -d "${TMPDIR:-/tmp}/bilag-test.XXXXXX")
# PostgreSQL's server runs as a user of its own, who must be able to reach its files.
chmod 755 "$private"
clean_up() {
    "$here/broker.sh" stop "$private/broker"
    "$here/postgres.sh" stop "$private/postgres"
    rm -rf "$private"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

if command -v apt-get >/dev/null; then
    "$here/install.sh" chromium chromium-driver poppler-utils postgresql prometheus qpdf
fi
"$here/broker.sh" install

cargo build --workspace --bins --tests

if [ -z "${BILAG_TEST_AMQP_URL:-}" ]; then
    "$here/broker.sh" start "$private/broker" >"$private/urls"
    { read -r BILAG_TEST_AMQP_URL && read -r BILAG_TEST_MANAGEMENT_URL; } <"$private/urls"
elif [ -z "${BILAG_TEST_MANAGEMENT_URL:-}" ]; then
    echo "BILAG_TEST_AMQP_URL is set, and BILAG_TEST_MANAGEMENT_URL is not: set both, or none" >&2
    exit 2
fi
if [ -z "${BILAG_TEST_POSTGRES_URL:-}" ]; then
    BILAG_TEST_POSTGRES_URL=$("$here/postgres.sh" start "$private/postgres")
fi
export BILAG_TEST_AMQP_URL BILAG_TEST_MANAGEMENT_URL BILAG_TEST_POSTGRES_URL
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}

# Examples in comments first, told of only where they fail: the tests proper have the last word.
if [ $# -eq 0 ]; then
    examples=$(cargo test --quiet --workspace --doc 2>&1) || {
        echo "$examples"
        exit 1
    }
fi
cargo test --workspace --no-fail-fast --lib --bins --tests --examples "$@"
