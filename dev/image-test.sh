# shellcheck shell=bash disable=SC2154
# What image.sh test does once the image is built: a receipt goes through it, from the bus into the sandbox's
# Omnium. Sourced by image.sh, whose variables it uses.

command -v curl >/dev/null || "$here/install.sh" curl
private=$(mktemp -d "${TMPDIR:-/tmp}/bilag-image.XXXXXX")
chmod 755 "$private"
user=$(cat "$cache/user")
entrypoint=$(cat "$cache/entrypoint")
pids=()

clean_up() {
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    "$here/broker.sh" stop "$private/broker"
    "$here/postgres.sh" stop "$private/postgres"
    rm -rf "$private"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# The image's entry point with arguments, as its own user, without the right to get more, on a root file system
# that is mounted read-only, and with the variables of the file "env" alone.
contained() {
    # In a shell of its own always, which it takes the place of: signals are meant for it.
    # shellcheck disable=SC2016,SC2046 # for the inner shell; a list of words without spaces
    exec env -i "PATH=$PATH" $(cat "$private/env") unshare --mount sh -c '
        root=$1; user=$2; shift 2
        mount --bind "$root" "$root" && mount -o remount,bind,ro,nosuid,nodev "$root" || exit 125
        ! touch "$root/written" 2>/dev/null || exit 125
        exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
    ' contained "$root" "$user" "$entrypoint" "$@"
}

# Polls until a command succeeds, for a minute.
wait_for() {
    what=$1
    shift
    for _ in $(seq 300); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    tail -n 5 "$private"/*.log >&2
    fail "$what did not come about within a minute"
}

set_variable() {
    echo "$1=$2" >>"$private/env"
}

sandbox_listens() {
    grep -q ERP_INVOICE_URL= "$private/sandbox.log"
}

is_complete() {
    (contained sync list --state complete) | grep -q rcpt-1001
}

: >"$private/env"
[ "${user%%:*}" -gt 0 ] || fail "its user is $user: root, or a name that Kubernetes cannot judge"
say version "$(contained --version)"
grep -q '"name": "lapin"' "$root/usr/share/sbom/bilag.cdx.json" || fail "its list of components lacks lapin"
say sbom "$(grep -c '"bom-ref"' "$root/usr/share/sbom/bilag.cdx.json") components in /usr/share/sbom/bilag.cdx.json"
for more in bin usr/bin sbin usr/sbin; do
    [ ! -e "$root/$more" ] || fail "it has more than it needs: /$more"
done

"$here/broker.sh" start "$private/broker" >"$private/urls"
{ read -r amqp && read -r management; } <"$private/urls"
set_variable BILAG_AMQP_URL "$amqp"
set_variable BILAG_DATABASE_URL "$("$here/postgres.sh" start "$private/postgres")"
set_variable BILAG_HEALTH_ADDR 127.0.0.1:0
as_json=(-sSf -u guest:guest -H 'Content-Type: application/json')
curl "${as_json[@]}" -X PUT "$management/api/exchanges/%2f/events" -d '{"type":"topic","durable":true}'
say topology "$(contained topology apply)"

contained sandbox --listen 127.0.0.1:0 >"$private/sandbox.log" 2>&1 &
pids+=($!)
wait_for "the sandbox" sandbox_listens
grep -o '[A-Z_]*_URL=http.*' "$private/sandbox.log" >>"$private/env"
set_variable OMNIUM_CLIENT_ID image
set_variable OMNIUM_CLIENT_SECRET image
set_variable OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM true

contained consume receipt render upload dead >"$private/consumers.log" 2>&1 &
consumers=$!
pids+=("$consumers")
wait_for "a consumer of every queue" grep -q 'consuming.*bilag.dead' "$private/consumers.log"

body=$(base64 -w 0 tests/samples/receipt-standard.json)
routed=$(curl "${as_json[@]}" -X POST "$management/api/exchanges/%2f/events/publish" -d "{\"properties\":{},
    \"routing_key\":\"receipt.settled.v1\",\"payload_encoding\":\"base64\",\"payload\":\"$body\"}")
[ "$routed" = '{"routed":true}' ] || fail "no queue took the receipt: $routed"
wait_for "the receipt's invoice" is_complete
say receipt "complete, with its invoice in the sandbox's Omnium"

grep -q "^Uid:.${user%%:*}.${user%%:*}" "/proc/$consumers/status" || fail "it does not run as $user"
grep -q '^CapEff:.0*$' "/proc/$consumers/status" || fail "it runs with capabilities"
kill -TERM "$consumers"
code=0
wait "$consumers" || code=$?
[ "$code" -eq 0 ] || fail "SIGTERM ended it with $code instead of 0"
say ended "by SIGTERM, with 0, as user $user on a root file system that cannot be written to"
