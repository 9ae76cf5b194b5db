#!/bin/sh
# Installs Debian packages that are missing, quietly, and leaves the services they bring switched off.
#
#   install.sh PACKAGE...
#
# Needs apt, and root or sudo. Says plainly what is missing where it has neither.
set -eu

missing=
for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "missing:$missing. There is no apt-get here to install it with; install it by other means" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then
        echo "missing:$missing; installing it as root with sudo" >&2
        exec sudo sh "$0" "$@"
    fi
    echo "missing:$missing. Run as root once: apt-get install$missing" >&2
    exit 1
fi

# One after the other: apt fails where another has its lock.
exec 9>"${TMPDIR:-/tmp}/bilag-install.lock"
flock 9

log=$(mktemp)
began=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=
clean_up() {
    rm -f "$log" "$began"
    [ -z "$own_policy" ] || rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Debian starts the services of what it installs, unless a policy forbids it.
if [ ! -e "$policy" ]; then
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
echo "installing$missing" >&2
# shellcheck disable=SC2086 # a list of names
if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null 9>&-; then
    tail -n 20 "$log" >&2
    echo "apt could not install:$missing" >&2
    exit 1
fi
# It also starts them at the next boot: those that came just now stay off.
if command -v systemctl >/dev/null; then
    find /etc/systemd/system -type l -newer "$began" -exec basename {} \; | sort -u |
        xargs -r systemctl --quiet disable >>"$log" 2>&1 || true
fi
