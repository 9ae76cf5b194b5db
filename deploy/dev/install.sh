#!/bin/sh
# Installs Debian packages that are missing, quietly, without starting the services they bring.
#
#   install.sh PACKAGE...
#
# Needs apt and root. Says plainly what is missing where it has neither.
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
    echo "missing:$missing. Run as root once: apt-get install$missing" >&2
    exit 1
fi

# Debian starts the services of what it installs, unless a policy forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT INT TERM
fi
echo "installing$missing" >&2
log=$(mktemp)
# shellcheck disable=SC2086 # a list of names
if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt could not install:$missing" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
