#!/bin/sh
# Builds libssh2 with every Debian patch into .deps/libssh2, for systems whose own is older than
# 1.11. Takes the newest revision of Debian trixie's source package; apt verifies the signatures.
# Needs gcc, make, patch, xz-utils, libssl-dev and zlib1g-dev.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
deps=$root/.deps
measured=1.11.1-1+deb13u2 # the revision the design's figures were taken with
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -e "$deps/archives/libssh2.a" ] && [ "${1:-}" != --again ]; then exit 0; fi

apt=$deps/apt src=$deps/src
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$src" "$deps/archives"
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' \
    "Codename: $codename" | sort -u | head -n 1)
if [ -z "$mirror" ] || [ ! -e "$keyring" ]; then
    echo "No Debian mirror is configured here (or 'apt-get update' has never run):" >&2
    echo "install libssh2 1.11 or newer yourself, or add a Debian source and try again." >&2
    exit 1
fi
echo "deb-src [signed-by=$keyring] $mirror trixie main" >"$apt/sources.list"
get() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}
echo "libssh2: fetching Debian's source package"
get update
cd "$src"
rm -f libssh2_*
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
rm -rf build
mkdir build
tar xzf libssh2_*.orig.tar.gz --strip-components=1 -C build
tar xJf "libssh2_$revision.debian.tar.xz" -C build
cd build
for p in $(grep -v '^#' debian/patches/series); do patch -p1 -s <"debian/patches/$p"; done
# Newer than their sources, or make would want the autotools.
touch aclocal.m4 configure Makefile.in */Makefile.in src/libssh2_config_h.in
./configure -q --prefix="$deps/libssh2" --with-crypto=openssl --with-libz \
    --disable-examples-build --enable-static --disable-shared --with-pic >configure.log 2>&1 ||
    { tail -n 20 configure.log >&2; exit 1; }
make -s -j"$(nproc)" >make.log 2>&1 || { tail -n 20 make.log >&2; exit 1; }
make -s install >install.log 2>&1
ln -sf "$deps/libssh2/lib/libssh2.a" "$deps/archives/libssh2.a"
rm -rf "$src/build"
