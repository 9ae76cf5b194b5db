#!/bin/bash
# A private RabbitMQ broker: never the user's, and nothing of it outlives "stop".
#
#   broker.sh start DIR    starts a broker whose files are in DIR and prints its URLs (AMQP,
#                          management); the same ones when it is started again
#   broker.sh start DIR FIRST
#                          the same, as a node of one cluster with the broker in FIRST, which is up
#   broker.sh kill DIR     ends it at once, as a power cut would; its files stay
#   broker.sh stop DIR     stops it and removes its files
#   broker.sh ctl DIR ...  runs rabbitmqctl on it
#   broker.sh install      only gets what "start" would need
#   broker.sh versions     prints the versions that are tested
#
# It listens on 127.0.0.1 only, with a port mapper (epmd) of its own. BILAG_TEST_BROKER chooses the version
# ("4.3"); without it, the installed rabbitmq-server is used, of whichever version. Where that is missing,
# apt installs it; where there is no apt, Docker runs it. A version that is not installed is run from the files
# of the Debian release that ships it, which debootstrap gets once (as root, about 250 MB each) and which stay in
# ${XDG_CACHE_HOME:-~/.cache}/bilag-ci/brokers.
set -eu

usage() {
    sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
server=/usr/lib/rabbitmq/bin/rabbitmq-server
roots=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/brokers

fail() {
    echo "$1" >&2
    exit 1
}

# --- which version, and where its files are

# The versions that are tested, and the Debian releases that ship them.
versions='3.10 bookworm
4.0 trixie
4.3 forky'

# The version ("4.3") of the server below a root; nothing where there is none.
version_below() {
    for library in "$1"/usr/lib/rabbitmq/lib/rabbitmq_server-*; do
        [ ! -d "$library" ] || echo "$library" | sed 's/.*-\([0-9]*\.[0-9]*\).*/\1/'
    done
}

# Sets $root to where the files of a version are: nothing where they are this machine's own.
choose() {
    version=$1 root=
    installed=$(version_below "")
    [ -n "$version" ] && [ "$version" != "$installed" ] || return 0
    release=$(echo "$versions" | sed -n "s/^$version //p")
    [ -n "$release" ] ||
        fail "BILAG_TEST_BROKER: there is no way to RabbitMQ $version here, only to $(echo "$versions" | cut -d ' ' -f 1 | paste -sd ' '), and to what is installed"
    # shellcheck source=/dev/null
    if [ -n "$installed" ] || [ "$(. /etc/os-release && echo "${VERSION_CODENAME-}")" != "$release" ]; then
        root=$roots/$release
    fi
}

# Whether Docker has to run it.
in_docker() {
    ! command -v apt-get >/dev/null && { [ -n "$root" ] || [ ! -x "$server" ]; }
}

install() {
    if in_docker; then
        docker info >/dev/null 2>&1 ||
            fail "missing: rabbitmq-server $version, and neither apt-get nor a running Docker is here to get it with.
Install RabbitMQ 3.10 or newer so that $server is there, or start Docker"
    elif [ -n "$root" ]; then
        # One after the other, where several ask for it at once.
        mkdir -p "$roots"
        [ -d "$root" ] || (flock 9 && get_root) 9>"$roots/lock"
        (enter true) ||
            fail "RabbitMQ $version runs in a mount namespace of its own, which is not permitted here. Run as root, or where users may make namespaces"
    elif [ ! -x "$server" ]; then
        "$here/install.sh" rabbitmq-server
    fi
}

get_root() {
    [ ! -d "$root" ] || return 0
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=$(command -v sudo) ||
            fail "missing: RabbitMQ $version. Run as root once: BILAG_TEST_BROKER=$version XDG_CACHE_HOME=${roots%/*/*} $0 install"
    fi
    "$here/install.sh" debootstrap
    echo "getting RabbitMQ $version from Debian $release (once)" >&2
    # Where this machine gets Debian from; debootstrap knows another place where it gets none.
    mirror=$(awk '/^(URIs:|deb )/ { for (i = 2; i <= NF; i++) if ($i ~ /^https?:.*\/debian\/?$/) { print $i; exit } }' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true)
    # A release that is newer than this debootstrap is made as unstable is.
    scripts=/usr/share/debootstrap/scripts
    script=$(ls "$scripts/$release" 2>/dev/null || echo "$scripts/sid")
    $as_root rm -rf "$root.part"
    $as_root debootstrap --variant=minbase --include=rabbitmq-server "$release" "$root.part" \
        "$mirror" "$script" >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        fail "debootstrap did not get Debian $release; $root.log has more"
    }
    [ "$(version_below "$root.part")" = "$version" ] ||
        fail "Debian $release ships RabbitMQ $(version_below "$root.part"), and no longer $version: name it in $0"
    $as_root rm -rf "$root.part/var/cache/apt" "$root.part/var/lib/apt" "$root.part/usr/share/doc"
    $as_root mv "$root.part" "$root"
}

# Becomes a command that sees the /usr of $root in the place of this machine's. All else is this machine's:
# files, network, processes. What is mounted for it ends with it.
enter() {
    [ -n "$root" ] || exec "$@"
    # shellcheck disable=SC2016 # for the inner shell
    exec unshare --mount $([ "$(id -u)" -eq 0 ] || echo --map-root-user) sh -ec '
        mount --bind "$0/etc/alternatives" /etc/alternatives
        mount --bind "$0/usr" /usr
        exec "$@"' "$root" "$@"
}

# --- the broker in $dir

# Ports that brokers have chosen, each a folder: a broker that starts, or was killed, has them although nothing answers.
chosen=${TMPDIR:-/tmp}/bilag-ports.$(id -u)

# Free when no broker has chosen it, and nothing accepts a connection there. Above 28000 are those of postgres.sh.
free_port() {
    while :; do
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 8000))
        mkdir -p "$chosen"
        mkdir "$chosen/$port" 2>/dev/null || continue
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
        rmdir "$chosen/$port"
    done
}

# From the line "amqp=N management=N distribution=N epmd=N".
read_ports() {
    IFS=' =' read -r _ amqp _ management _ distribution _ epmd <"$dir/ports"
}

settings() {
    if [ ! -e "$dir/ports" ]; then
        # Of brokers that were never stopped.
        find "$chosen" -mindepth 1 -mmin +600 -exec rmdir {} + 2>/dev/null || true
        # Nodes of one cluster find each other by one port mapper.
        mapper=${first:+$(sed 's/.*epmd=//' "$first/ports")}
        echo "amqp=$(free_port) management=$(free_port) distribution=$(free_port) epmd=${mapper:-$(free_port)}" >"$dir/ports"
    fi
    read_ports
    cat >"$dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $management
management_agent.disable_metrics_collector = false
collect_statistics_interval = 1000
disk_free_limit.absolute = 100MB
log.file.level = warning
CONF
    echo '[rabbitmq_management].' >"$dir/enabled_plugins"
    export HOME="$dir" ERL_CRASH_DUMP="$dir/log/erl_crash.dump"
    export ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1
    export RABBITMQ_NODENAME="bilag-$amqp@localhost" RABBITMQ_DIST_PORT="$distribution"
    export RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf"
    export RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" RABBITMQ_PID_FILE="$dir/pid"
    export RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir/log"
    # Quorum queues tell their numbers at each tick.
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} -rabbit quorum_tick_interval 1000'
}

answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$amqp" && printf 'AMQP\0\0\11\1' >&3 && timeout 2 head -c 1 <&3 | grep -q .) 2>/dev/null
}

# Its port is open a moment before it can answer.
serves_management() {
    (exec 3<>"/dev/tcp/127.0.0.1/$management" &&
        printf 'GET /api/overview HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' "$(printf guest:guest | base64)" >&3 &&
        timeout 2 grep -q rabbitmq_version <&3) 2>/dev/null
}

wait_until_up() {
    for _ in $(seq 3000); do
        if answers && serves_management; then
            return
        fi
        if [ -e "$dir/pid" ] && ! kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
            echo "the broker ended before it was up; see $dir/log. It said:" >&2
            tail -n 8 "$dir/out" >&2
            exit 1
        fi
        sleep 0.1
    done
    echo "the broker did not come up within five minutes; see $dir/log" >&2
    exit 1
}

# Becomes a node of the cluster of $first, once.
join() {
    [ ! -e "$dir/joined" ] || return 0
    read -r _ first_amqp _ < <(tr '= ' '  ' <"$first/ports")
    for step in stop_app reset "join_cluster bilag-$first_amqp@localhost" start_app; do
        # shellcheck disable=SC2086 # words of one command
        (enter "$(dirname "$server")/rabbitmqctl" $step) >>"$dir/out" 2>&1
    done
    touch "$dir/joined"
    wait_until_up
}

start() {
    install
    mkdir -p "$dir"
    echo "$version" >"$dir/version"
    settings
    if [ -n "$first" ] && [ ! -e "$dir/.erlang.cookie" ]; then
        cp -p "$first/.erlang.cookie" "$dir/"
    fi
    if answers; then
        :
    elif in_docker; then
        docker run -d --rm --name "bilag-$amqp" -p "127.0.0.1:$amqp:5672" -p "127.0.0.1:$management:15672" \
            "rabbitmq:${version:+$version-}management" >"$dir/container"
    else
        # Without a terminal and a parent, so that it outlives this script.
        (RABBITMQ_ALLOW_INPUT=1 enter setsid "$server" -noinput) >"$dir/out" 2>&1 </dev/null &
        echo $! >"$dir/pid"
    fi
    wait_until_up
    [ -z "$first" ] || join
    echo "amqp://guest:guest@127.0.0.1:$amqp/%2f"
    echo "http://127.0.0.1:$management"
}

# Whether a process is this broker, and not another that got the same id since.
is_broker() {
    grep -qaF "RABBITMQ_LOG_BASE=$dir/log" "/proc/$1/environ" 2>/dev/null
}

# Ends the broker by its own process id, and waits until it is gone.
end() {
    if [ -e "$dir/container" ]; then
        docker rm -f "$(cat "$dir/container")" >/dev/null
        rm "$dir/container"
    elif [ -e "$dir/pid" ]; then
        pid=$(cat "$dir/pid")
        if is_broker "$pid"; then
            kill "-$1" "$pid"
            for _ in $(seq 300); do
                is_broker "$pid" || break
                sleep 0.1
            done
            ! is_broker "$pid" || kill -KILL "$pid"
        fi
        rm -f "$dir/pid"
    fi
}

stop() {
    [ -e "$dir/ports" ] || return 0
    settings
    end TERM
    if [ ! -e "$dir/joined" ]; then
        in_docker || (enter epmd -port "$epmd" -kill) >/dev/null 2>&1 || true
        rmdir "$chosen/$epmd" 2>/dev/null || true
    fi
    rmdir "$chosen/$amqp" "$chosen/$management" "$chosen/$distribution" 2>/dev/null || true
    rm -rf "$dir/version" "$dir/data" "$dir/log" "$dir/out" "$dir/ports" "$dir/rabbitmq.conf" "$dir/enabled_plugins" \
        "$dir/.erlang.cookie" "$dir/.cache" "$dir/.config" "$dir/joined"
    rmdir "$dir" 2>/dev/null || true
}

ctl() {
    settings
    if [ -e "$dir/container" ]; then
        docker exec "$(cat "$dir/container")" rabbitmqctl "$@"
    else
        (enter "$(dirname "$server")/rabbitmqctl" "$@")
    fi
}

case "$*" in
install)
    choose "${BILAG_TEST_BROKER-}"
    install
    exit
    ;;
versions)
    echo "$versions" | cut -d ' ' -f 1
    exit
    ;;
esac
[ $# -eq 2 ] || [ "$1 $#" = "start 3" ] || [ "${1-}" = ctl ] || usage
mkdir -p "$(dirname "$2")"
dir=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
first=
[ "$1" != start ] || first=${3-}
# One that was started before stays of its version, and a cluster is of one.
choose "$(cat "$dir/version" 2>/dev/null || cat "$first/version" 2>/dev/null || echo "${BILAG_TEST_BROKER-}")"
case $1 in
start) start ;;
kill) end KILL ;;
stop) stop ;;
ctl) ctl "${@:3}" ;;
*) usage ;;
esac
