#!/bin/sh
# A private PostgreSQL server for the tests: nothing of it outlives "stop".
#
#   postgres.sh start DIR    starts a server whose files are in DIR and prints its URL
#   postgres.sh stop DIR     stops it and removes its files
#
# The server listens on a free port of 127.0.0.1 only, the same one when it is started again, and
# writes to the disk as in production (fsync stays on), because the tests are about what survives.
# It refuses to run as root; root hands over to the user "postgres", who must be able to reach DIR.
# Where PostgreSQL is missing, apt installs it.
set -eu

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

here=$(cd "$(dirname "$0")" && pwd)

# The folder of initdb and pg_ctl: on the path, or where Debian keeps the newest version.
binaries() {
    if command -v initdb >/dev/null; then
        dirname "$(readlink -f "$(command -v initdb)")"
    else
        find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname
    fi
}

# As the user that owns the server.
as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

running() {
    [ -n "$bin" ] && as_owner "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1
}

# The port of the last time, else any.
choose_port() {
    if [ -e "$dir/port" ]; then
        cat "$dir/port"
    else
        echo $((28000 + $(od -An -N2 -tu2 /dev/urandom) % 4000))
    fi
}

# A server that was killed a moment ago still counts as running, but does not answer.
answers() {
    running && [ -e "$dir/port" ] && "$bin/pg_isready" -q -h 127.0.0.1 -p "$(cat "$dir/port")"
}

print_url() {
    echo "postgres://postgres@127.0.0.1:$(cat "$dir/port")/postgres"
}

start() {
    if [ -z "$bin" ]; then
        "$here/install.sh" postgresql
        bin=$(binaries)
    fi
    if answers; then
        print_url
        return
    fi
    mkdir -p "$dir"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$dir"
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        as_owner "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --locale=C >/dev/null
    fi
    # Again where another program has the port, or the processes of a server that was killed are
    # not gone yet. Connections for as many tests at a time as there are cores.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$(choose_port)
        options="-h 127.0.0.1 -p $port -k '' -c max_connections=500"
        if as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "$options" start >/dev/null 2>&1; then
            echo "$port" >"$dir/port"
            print_url
            return
        fi
        sleep 1
    done
    echo "PostgreSQL does not start:" >&2
    tail -n 5 "$dir/log" >&2
    exit 1
}

# At once, without writing out what is about to be removed.
stop() {
    if running; then
        as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null
    fi
    rm -rf "$dir/data" "$dir/log" "$dir/port"
    rmdir "$dir" 2>/dev/null || true
}

[ $# -eq 2 ] || usage
mkdir -p "$(dirname "$2")"
dir=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
bin=$(binaries)
case $1 in
start) start ;;
stop) stop ;;
*) usage ;;
esac
