#!/bin/bash
# Every test of the workspace, on private brokers and a private PostgreSQL server.
#
#   test.sh [ARGUMENT OF cargo test...]
#   test.sh --broker VERSION [ARGUMENT OF cargo test...]
#
# All tests run on the oldest version of RabbitMQ that broker.sh knows. The chain's run on each of the others as
# well, but for those that tests/chain/main.rs keeps to one broker. A failure on one version does not keep the tests
# from running on the next. --broker runs all tests on this version alone. "-p CRATE" runs that crate's alone, and
# installs and builds no more than they need; on one version, unless it is bilag-tests, which has the chain's.
#
# BILAG_TEST_AMQP_URL with BILAG_TEST_MANAGEMENT_URL name another broker to test on instead, of any version
# from 3.10; its user "guest" must be an administrator. BILAG_TEST_POSTGRES_URL names another server.
# RUST_TEST_THREADS bounds how many tests run at once; each may start several processes.
set -eu
cd "$(dirname "$0")/.."
here=dev

if [ "${1-}" = --broker ]; then
    versions=("${2:?a version}")
    shift 2
else
    mapfile -t versions < <("$here/broker.sh" versions)
fi

programs=(chromium chromium-driver fonts-droid-fallback fonts-lmodern fonts-noto-core iproute2 librabbitmq-client-java mandoc openssl poppler-utils postgresql prometheus qpdf socat sqlite3)
scope=(--workspace)
kinds=(--lib --bins --tests --examples)
prebuild=yes
case " $* " in
*" -p bilag-tests "*) scope=() kinds=() ;;
*" -p "*)
    programs=(fonts-droid-fallback fonts-lmodern fonts-noto-core mandoc openssl poppler-utils postgresql qpdf)
    scope=()
    kinds=()
    prebuild=
    versions=("${versions[0]}")
    ;;
esac

for name in "${!BILAG_@}" "${!OMNIUM_@}" "${!OTEL_@}" "${!INVOICE_SERVICE_@}" "${!OMS_@}" "${!ERP_@}" "${!FLOW_@}"; do
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
    "$here/install.sh" "${programs[@]}"
fi
if [ -n "${BILAG_TEST_AMQP_URL:-}" ]; then
    [ -n "${BILAG_TEST_MANAGEMENT_URL:-}" ] || {
        echo "BILAG_TEST_AMQP_URL is set, and BILAG_TEST_MANAGEMENT_URL is not: set both, or none" >&2
        exit 2
    }
    versions=("")
fi
# The network and the compiler do not wait for each other.
(
    for version in "${versions[@]}"; do
        [ -z "$version" ] || BILAG_TEST_BROKER=$version "$here/broker.sh" install
    done
    "$here/verapdf/verapdf.sh" install
) &
tools=$!
# The chain's tests start executables that "cargo test -p" does not build.
[ -z "$prebuild" ] || cargo build --workspace --bins --tests
wait "$tools"

if [ -z "${BILAG_TEST_POSTGRES_URL:-}" ]; then
    BILAG_TEST_POSTGRES_URL=$("$here/postgres.sh" start "$private/postgres")
fi
export BILAG_TEST_POSTGRES_URL
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-8}

# Runs a command with the tests' broker of a version; without one, with the broker that the variables name.
failed=
on() {
    version=$1
    shift
    if [ -n "$version" ]; then
        BILAG_TEST_BROKER=$version "$here/broker.sh" start "$private/broker" >"$private/urls"
        { read -r BILAG_TEST_AMQP_URL && read -r BILAG_TEST_MANAGEMENT_URL; } <"$private/urls"
        export BILAG_TEST_AMQP_URL BILAG_TEST_MANAGEMENT_URL
        echo "     on RabbitMQ $version" >&2
    fi
    "$@" || failed="$failed${failed:+, }${version:-of BILAG_TEST_AMQP_URL}"
    "$here/broker.sh" stop "$private/broker"
}

# Documentation tests first, printed only if they fail: the tests proper come last.
if [ $# -eq 0 ]; then
    examples=$(cargo test --quiet --workspace --doc 2>&1) || {
        echo "$examples"
        exit 1
    }
fi
on "${versions[0]}" cargo test "${scope[@]}" --no-fail-fast "${kinds[@]}" "$@"
case " $* " in *" -- "*) ;; *) set -- "$@" -- ;; esac
for version in "${versions[@]:1}"; do
    on "$version" cargo test "${scope[@]}" --test chain "$@" --skip any_version::
done
if [ -n "$failed" ]; then
    echo "failed on RabbitMQ $failed" >&2
    exit 1
fi
