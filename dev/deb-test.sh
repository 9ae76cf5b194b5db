# shellcheck shell=bash disable=SC2154
# What deb.sh test does once the package is built: installs, upgrades, removes and purges it in a minimal Debian.
# Sourced by deb.sh, whose variables it uses.

[ "$(id -u)" -eq 0 ] || fail "its test mounts and changes its root folder; run it as root"
debian=$("$here/debian.sh")
private=$(mktemp -d "${TMPDIR:-/tmp}/bilag-deb.XXXXXX")
trap 'rm -rf "$private"' EXIT

cat >"$private/steps" <<'STEPS'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

fail() {
    echo "the package: $1" >&2
    exit 1
}

# A path, and what "owner:group mode" it must have.
has() {
    [ "$(stat -c '%U:%G %a' "$1")" = "$2" ] || fail "$1 is $(stat -c '%U:%G %a' "$1"), not $2"
}

# All files but the package manager's own, and the copies that systemd-sysusers keeps of the users' files.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /var/lib/dpkg -o -path /var/log -o -path /tmp \) -prune -o \
        ! -path '/etc/*-' ! -path /etc/.pwd.lock -print | sort
}

files >/tmp/before
dpkg -i /tmp/bilag.deb >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
bilag --version
has /usr/bin/bilag "root:root 755"
has /usr/lib/systemd/system/bilag-receipt.service "root:root 644"
has /etc/bilag "root:root 755"
has /etc/bilag/bilag.env "root:root 600"
has /etc/bilag/ingress.env "root:root 600"
has /var/lib/bilag "bilag:bilag 750"
id bilag-ingress >/dev/null
[ "$(id -u bilag)" -ne 0 ] || fail "its user is root"
systemd-analyze verify --man=no /usr/lib/systemd/system/bilag-*.service /usr/lib/systemd/system/bilag-*.timer 2>/tmp/units ||
    fail "systemd refuses a unit: $(cat /tmp/units)"
! grep bilag /tmp/units || fail "systemd complains about a unit"
[ ! -e /etc/systemd/system/multi-user.target.wants/bilag-receipt.service ] || fail "it enables units before there are settings"
bash -c 'source /usr/share/bash-completion/completions/bilag && complete -p bilag' >/dev/null
zcat /usr/share/man/man1/bilag-dead-list.1.gz | grep -q '^\.SH OPTIONS'
runuser -u bilag -- touch /var/lib/bilag/bilag.db

systemctl --quiet enable bilag-receipt bilag-prune.timer
echo BILAG_BUS_EXCHANGE=ours >>/etc/bilag/bilag.env
dpkg -i /tmp/bilag.deb >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
tail -n 1 /etc/bilag/bilag.env | grep -q ours || fail "an upgrade changes the settings"
[ -e /etc/systemd/system/multi-user.target.wants/bilag-receipt.service ] || fail "an upgrade disables a unit"

dpkg --remove bilag >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
files | comm -13 /tmp/before - >/tmp/left
expected='/etc/bilag
/etc/bilag/bilag.env
/etc/bilag/ingress.env
/var/lib/bilag
/var/lib/bilag/bilag.db'
[ "$(cat /tmp/left)" = "$expected" ] || fail "after its removal there is $(cat /tmp/left)"
dpkg --purge bilag >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
files | comm -13 /tmp/before - >/tmp/left
[ "$(cat /tmp/left)" = "$(printf '/var/lib/bilag\n/var/lib/bilag/bilag.db')" ] || fail "after its purge there is $(cat /tmp/left)"
has /var/lib/bilag/bilag.db "bilag:bilag 644"
STEPS

# On a layer of its own, which is gone with the mount namespace.
# shellcheck disable=SC2016 # for the inner shell
unshare --mount --pid --fork sh -euc '
    mount -t tmpfs tmpfs "$1"
    mkdir "$1/upper" "$1/work" "$1/root"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
    mount -t proc proc "$1/root/proc"
    cp "$3" "$1/root/tmp/bilag.deb"
    exec chroot "$1/root" bash -s
' sh "$private" "$debian" "$package" <"$private/steps" || fail "see above"
say installed "in a minimal Debian, upgraded, removed and purged; nothing is left but data"
