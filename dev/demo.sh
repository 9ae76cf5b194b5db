#!/bin/bash
# The chain at work: a private broker, stand-ins for all that is around it, every consumer, sample
# receipts and a packed package.
#
#   demo.sh run     shows what becomes of the samples, and leaves nothing running
#   demo.sh up      the same, and stays, with the console and a cause of dead letters to be ended
#   demo.sh down    ends what "up" left running
#
# Everything it makes is in demo/: the PDFs, the store and the logs stay there until the next time.
#
# Package 74 has a packed event and gets its invoice from the invoice service; package 73 has
# only its receipt, as if it was packed before Bilag was installed.
set -eu
cd "$(dirname "$0")/.."
here=dev
bilag=${CARGO_TARGET_DIR:-target}/demo/bilag
store=sqlite://demo/bilag.db
bus=events

# Amounts have a decimal point, whatever the locale.
export LC_ALL=C.UTF-8

# Nothing of the user's own chain: their receipts are not a demo.
for name in "${!BILAG_@}" "${!OMNIUM_@}" "${!OTEL_@}" "${!INVOICE_SERVICE_@}" "${!OMS_@}" "${!ERP_@}" "${!FLOW_@}"; do
    unset "$name"
done
export BILAG_DATABASE_URL=$store BILAG_BUS_EXCHANGE=$bus

say() {
    printf '%-10s%s\n' "$1" "$2"
}

fail() {
    echo >&2
    echo "The demo stopped: $1" >&2
    exit 1
}

# --- what runs in the background

# Starts a bilag command that outlives this script; its log is demo/log/NAME.log.
start() {
    name=$1
    shift
    : >"demo/log/$name.log"
    setsid "$bilag" "$@" >>"demo/log/$name.log" 2>&1 </dev/null &
    echo $! >"demo/run/$name.pid"
}

# Whether it runs, and its process id is not another's by now.
runs() {
    [ -e "demo/run/$1.pid" ] && grep -qa bilag "/proc/$(cat "demo/run/$1.pid")/cmdline" 2>/dev/null
}

# Consumers finish messages in flight first.
end() {
    if runs "$1"; then
        kill -TERM "$(cat "demo/run/$1.pid")"
        for _ in $(seq 400); do
            runs "$1" || break
            sleep 0.1
        done
    fi
    rm -f "demo/run/$1.pid"
}

end_all() {
    end console
    end consumers
    end sandbox
    "$here/broker.sh" stop demo/broker
    rm -rf demo/run
}

# --- the steps

build() {
    say build "cargo build --profile demo -p bilag -p sandbox (the first time takes some minutes)"
    cargo build --profile demo -p bilag -p sandbox || fail "it did not build; cargo says why above"
}

start_broker() {
    "$here/broker.sh" start demo/broker >demo/run/urls || fail "there is no broker; the reason is above"
    { read -r amqp && read -r management; } <demo/run/urls
    export BILAG_AMQP_URL=$amqp BILAG_MANAGEMENT_URL=$management
    say broker "a private RabbitMQ at ${amqp/guest:guest@/}"
}

# As the owner of the bus would; Bilag never declares it.
declare_bus() {
    curl -sSf -u guest:guest -X PUT -H 'Content-Type: application/json' \
        -d '{"type":"topic","durable":true}' "$management/api/exchanges/%2f/$bus" >/dev/null ||
        fail "the broker's management API did not take the exchange"
    say bus "the topic exchange \"$bus\", which in real life is yours"
    declared=$("$bilag" topology apply) || fail "the queues could not be declared; the reason is above"
    say topology "$declared"
}

start_sandbox() {
    start sandbox sandbox --listen 127.0.0.1:0
    for _ in $(seq 100); do
        urls=$(grep -o '[A-Z_]*_URL=http.*' demo/log/sandbox.log || true)
        [ "$(wc -l <<<"$urls")" -lt 4 ] || break
        sleep 0.1
    done
    [[ "$urls" == *ERP_INVOICE_URL=* ]] || fail "the sandbox did not start; see demo/log/sandbox.log"
    while read -r url; do export "${url?}"; done <<<"$urls"
    export OMNIUM_CLIENT_ID=demo OMNIUM_CLIENT_SECRET=demo OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM=true
    export INVOICE_SERVICE_USERNAME=demo INVOICE_SERVICE_PASSWORD=demo OMS_API_TOKEN=demo
    say sandbox "Omnium, an invoice service, an OMS and an ERP at $OMNIUM_BASE_URL"
}

start_consumers() {
    start consumers consume all
    # The first of them makes the store's tables.
    for _ in $(seq 600); do
        [ "$(grep -c ' consuming ' demo/log/consumers.log)" -lt 7 ] && runs consumers || break
        sleep 0.1
    done
    say consumers "packed, receipt, render, upload, writeback, erp and dead"
}

publish() {
    receipts=()
    for file in tests/samples/receipt-*.json; do
        case $file in
        *.invoice.json) ;;
        *) receipts+=("$file") ;;
        esac
    done
    broken=("$here"/broken/*)
    packed=demo/package-74.json
    sed 's/"id": 73,/"id": 74,/; s/"000000073"/"000000074"/' tests/samples/package-packed.json >"$packed"
    "$bilag" publish "${receipts[@]}" "$packed" "${broken[@]}" >demo/log/publish.log ||
        fail "the samples were not published; the reason is above"
    say publish "${#receipts[@]} receipts, 1 packed package and ${#broken[@]} broken events"
}

# The third column of the first table, added up; of the rows that begin with $1 and $2 where they are given.
count() {
    awk -v one="${1-}" -v two="${2-}" 'NF == 0 { exit }
        NR > 1 && (one == "" || $1 == one && $2 == two) { sum += $3 } END { print sum + 0 }'
}

wait_until_done() {
    # The invoice service makes one more receipt.
    expected=$((${#receipts[@]} + 1))
    shown=
    for _ in $(seq 300); do
        "$bilag" sync list >demo/run/synced
        complete=$(count omnium complete <demo/run/synced)
        printed=$(count package complete <demo/run/synced)
        booked=$(count erp complete <demo/run/synced)
        dead=$("$bilag" dead list | count)
        line="$complete of $expected invoices, $printed of 2 packages printed, $dead of ${#broken[@]} broken events aside"
        if [ -t 1 ]; then
            printf '\r%-10s%s' wait "$line"
        elif [ "$line" != "$shown" ]; then
            say wait "$line"
        fi
        shown=$line
        if [ "$complete" -ge "$expected" ] && [ "$printed" -ge 2 ] && [ "$booked" -ge 2 ] &&
            [ "$dead" -ge "${#broken[@]}" ]; then
            [ ! -t 1 ] || echo
            return
        fi
        runs consumers || break
        sleep 0.2
    done
    echo
    tail -n 5 demo/log/consumers.log >&2
    fail "not all of it arrived; demo/log/consumers.log tells why, its last lines are above"
}

# --- what is shown at the end

member() {
    sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}

ask() {
    curl -sSf -H "Authorization: Bearer $token" "$OMNIUM_BASE_URL/api/Invoices/$1"
}

# The value of a field that a command printed.
field() {
    sed -n "s/^$2  *//p" "$1" | head -n 1
}

show_invoices() {
    token=$(curl -sSf -X POST "$OMNIUM_BASE_URL/api/token?clientId=demo&clientSecret=demo&returnAsJson=true" | member accessToken)
    echo
    echo "Invoices in the sandbox, each with its PDF:"
    echo
    printf '%-9s%-13s%14s     %s\n' VOUCHER INVOICE AMOUNT PDF
    "$bilag" sync list --state complete --limit 1000 |
        awk -F '  +' '$6 == "omnium" { sub(".*/", "", $1); print $2, $1, $5 }' |
        sort -n | while read -r voucher invoice _ currency; do
        pdf=demo/pdf/$voucher.pdf
        ask "GetAsPdf/$invoice" >"$pdf"
        printf '%-9s%-13s%14.2f %s %s\n' "$voucher" "$invoice" "$(ask "$invoice" | member amount)" "$currency" "$pdf"
    done || fail "the sandbox did not hand out an invoice"
}

show_packages() {
    "$bilag" packages show 74 >demo/run/package
    receipt=$(field demo/run/package receipt)
    "$bilag" sync show "${receipt#*/}" >demo/run/receipt
    for id in 73 74; do
        curl -sSf "$OMS_BASE_URL/packages/$id/document" >"demo/pdf/package-$id.pdf" ||
            fail "the OMS has no document of package $id"
    done
    echo
    echo "Package 74, from packed to printed:"
    echo
    step() { printf '    %-13s%s\n' "$1" "$2"; }
    step packed "number $(field demo/run/package number), from the OMS"
    step "asked for" "$(field demo/run/package requested), with the key $(field demo/run/package key)"
    step issued "receipt $receipt, voucher $(field demo/run/package voucher), $(field demo/run/receipt amount)"
    step "in Omnium" "invoice ${receipt#*/} with $(field demo/run/receipt file)"
    step "in the ERP" "the same"
    step printed "invoice $(curl -sSf "$OMS_BASE_URL/packages/74" | member number) is on the package, with demo/pdf/package-74.pdf"
    echo
    echo "Package 73 had no packed event. Its receipt arrived, so it has its invoice as well:"
    echo "demo/pdf/package-73.pdf"
}

show_dead_letters() {
    echo
    echo "Dead letters, which wait for an operator:"
    "$bilag" dead list | awk 'table && NF && !/^ / && $1 != "ID" { print $1 } NF == 0 { table++ } table > 1 { exit }' |
        while read -r id; do
            "$bilag" dead show "$id" >demo/run/letter
            echo
            about=$(field demo/run/letter receipt)
            about=${about:-$(field demo/run/letter message)}
            echo "$id  $(field demo/run/letter reason)  ${about%% (*}"
            field demo/run/letter error | fold -s -w 74 | sed 's/^/    /; s/ *$//'
        done
    echo
    echo "Look closer at the package, the dead letters, and one of them:"
    echo
    echo "    $bilag packages show 74 --database-url $store"
    echo "    $bilag dead list --database-url $store"
    echo "    $bilag dead show ID --database-url $store"
}

# --- what stays up has more

start_console() {
    start console console --listen 127.0.0.1:0 --allow-edit
    console=
    for _ in $(seq 100); do
        console=$(sed -n 's/^the console is at //p' demo/log/console.log)
        [ -z "$console" ] || return 0
        runs console || break
        sleep 0.1
    done
    fail "the console did not start; see demo/log/console.log"
}

# Receipts of a store that Omnium refuses, until its fault is taken away.
hold_up() {
    curl -sSf -X POST "$OMNIUM_BASE_URL/_faults" -d '{"call": "upsert", "storeId": "72",
        "fault": {"kind": "body", "status": 400, "body": "\"The market NO-BERGEN is not known\""}}' ||
        fail "the sandbox did not take a fault"
    held=()
    for voucher in 1201 1202 1203; do
        held+=("demo/receipt-$voucher.json")
        sed "s/1001/$voucher/; s/NO-OSLO/NO-BERGEN/; s/Nordlys Sport Storo/Nordlys Sport Bergen/
            s/\"uid\": \"70\"/\"uid\": \"72\"/" tests/samples/receipt-standard.json >"demo/receipt-$voucher.json"
    done
    "$bilag" publish "${held[@]}" >>demo/log/publish.log || fail "the receipts of Bergen were not published"
    for _ in $(seq 300); do
        dead=$("$bilag" dead list | count)
        [ "$dead" -lt $((${#broken[@]} + ${#held[@]})) ] || return 0
        sleep 0.1
    done
    fail "the receipts of Bergen did not become dead letters; see demo/log/consumers.log"
}

show_addresses() {
    cat <<END

It stays up:

    console      $console
    AMQP         $BILAG_AMQP_URL
    management   $BILAG_MANAGEMENT_URL  (guest, guest)
    sandbox      $OMNIUM_BASE_URL/_ledger/summary

Since then ${#held[@]} receipts of a new store in Bergen were refused: Omnium does not know its market. Open
the console: they wait there under "Dead letters", as one cause. Let Omnium know the market,

    curl -X DELETE $OMNIUM_BASE_URL/_faults

then press "Redrive…" beside that cause, and watch them arrive. Of the broken events, the one with an
amount as text can be corrected there as well: "Edit…" on its page.

Publish a receipt of your own, or an event of a package, and see what becomes of it (examples/README.md has
publishers in Python, Node.js, C# and Java):

    export BILAG_AMQP_URL=$BILAG_AMQP_URL
    export BILAG_DATABASE_URL=$store
    $bilag publish FILE.json
    $bilag sync list
    $bilag packages list

End it:

    make down
END
}

run() {
    if runs consumers && [ -e demo/run/up ]; then
        fail "\"make up\" is running; end it first with \"make down\""
    fi
    trap end_all EXIT
    trap 'echo >&2; echo "ending what was started" >&2; exit 130' INT TERM HUP
    # What a run that was killed may have left.
    end_all
    rm -rf demo/pdf demo/log demo/package-74.json demo/receipt-*.json demo/bilag.db*
    mkdir -p demo/pdf demo/log demo/run
    "$here/broker.sh" install || fail "there is no broker; the reason is above"
    command -v curl >/dev/null || "$here/install.sh" curl || fail "curl is needed"
    build
    start_broker
    start_sandbox
    declare_bus
    start_consumers
    publish
    wait_until_done
    show_invoices
    show_packages
    show_dead_letters
}

case "$*" in
run)
    run
    echo
    echo "What it made is in demo/; nothing is left running."
    ;;
up)
    run
    hold_up
    start_console
    show_addresses | tee demo/run/up
    trap - EXIT
    ;;
down) end_all ;;
*)
    sed -n '5,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
