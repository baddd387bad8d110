#!/bin/sh
# Builds libssh2 with every Debian patch into .deps/libssh2, where the system's is older than 1.11.
# Takes the newest revision of Debian trixie's source package; apt verifies the signatures.
# ChaCha20 and Poly1305 of long texts are libcrypto's, a fifth of the time (libssh2/libcrypto.c).
# Invariant: .deps/archives/libssh2.a appears last, so if it exists, the build is complete.
# `--again` rebuilds, as does a change of these scripts.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
deps=$root/.deps
measured=1.11.1-1+deb13u2 # the revision the design's figures were taken with

# What it is built by.
recipe=$(cat "$root/scripts/build-libssh2.sh" "$root/scripts/libssh2"/*.c | sha256sum)
isCurrent() {
    [ -e "$deps/archives/libssh2.a" ] && [ "$(cat "$deps/libssh2/recipe" 2>/dev/null)" = "$recipe" ]
}
if [ "${1:-}" != --again ]; then
    if isCurrent; then exit 0; fi
    if [ ! -e "$deps/archives/libssh2.a" ] &&
        pkg-config --atleast-version=1.11 libssh2 2>/dev/null; then exit 0; fi
fi

apt=$deps/apt src=$deps/src stage=$deps/stage
mkdir -p "$src" "$deps/archives"
if command -v flock >/dev/null; then
    exec 9>"$deps/lock"
    flock 9
    if [ "${1:-}" != --again ] && isCurrent; then exit 0; fi
fi
"$root/scripts/debian13.sh" "$apt" deb-src || {
    echo "Install libssh2 1.11 or newer yourself, or add a Debian source and try again." >&2
    exit 69
}
get() { apt-get -qq -c "$apt/apt.conf" "$@"; }
echo "libssh2: fetching Debian's source package"
cd "$src"
rm -rf libssh2_* build "$stage"
get source --download-only libssh2
dsc=$(ls libssh2_*.dsc)
revision=${dsc#libssh2_} revision=${revision%.dsc}
echo "libssh2: building $revision"
if [ "$revision" = "$measured" ]; then
    sha256sum --quiet -c <<'SUMS'
d9ec76cbe34db98eec3539fe2c899d26b0c837cb3eb466a56b0f109cabf658f7  libssh2_1.11.1.orig.tar.gz
ee81e3ea0d65fdbc979c50f1433966d0139e33ac09242d7dc7c83567139126a7  libssh2_1.11.1-1+deb13u2.debian.tar.xz
SUMS
else
    echo "libssh2: note: not the measured revision $measured (a newer security fix, most likely)"
fi
mkdir build
tar xzf libssh2_*.orig.tar.gz --strip-components=1 -C build
tar xJf "libssh2_$revision.debian.tar.xz" -C build
cd build
grep -v '^#' debian/patches/series | while read -r name _; do
    [ -z "$name" ] || patch -p1 -s <"debian/patches/$name"
done
# Make these newer than their sources, or make would need the autotools.
touch aclocal.m4 configure Makefile.in */Makefile.in src/libssh2_config_h.in
logged() { # runs a step, showing the end of its log when it fails
    log=$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        echo "libssh2: that step failed: $*" >&2
        exit 1
    }
}
logged configure.log ./configure -q --prefix="$deps/libssh2" --with-crypto=openssl --with-libz \
    --disable-examples-build --enable-static --disable-shared --with-pic
logged make.log make -s -j"$(getconf _NPROCESSORS_ONLN)"
cd src
short() { # compiles one of libssh2's files again, with this function under the name of a short text's
    logged "$2.log" cc -O2 -fPIC -DHAVE_CONFIG_H -I. -I../include "-D$2=short_$2" -c "$1.c" -o "$1.o"
}
short chacha chacha_encrypt_bytes
short poly1305 poly1305_auth
logged libcrypto.log cc -O2 -fPIC -DHAVE_CONFIG_H -I. -I../include \
    -c "$root/scripts/libssh2/libcrypto.c" -o libcrypto.o
logged check.log cc -O2 -DHAVE_CONFIG_H -I. -I../include "$root/scripts/libssh2/check.c" \
    libcrypto.o chacha.o poly1305.o -lcrypto -o check
logged checked.log ./check
cd ..
logged install.log make -s install DESTDIR="$stage"
logged archive.log ar r "$stage$deps/libssh2/lib/libssh2.a" \
    src/chacha.o src/poly1305.o src/libcrypto.o
rm -rf "$deps/libssh2" "$deps/archives/libssh2.a"
mv "$stage$deps/libssh2" "$deps/libssh2"
echo "$recipe" >"$deps/libssh2/recipe"
ln -s ../libssh2/lib/libssh2.a "$deps/archives/libssh2.a"
rm -rf "$src/build" "$stage"
