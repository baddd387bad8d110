#!/bin/sh
# Installs the system packages Homeline is built with (`build`) and tested with (`tests`).
#   scripts/packages.sh build [tests]
# Does nothing if all are installed. Uses the machine's own package manager: as root or through
# sudo; else it prints the command to run and ends with 69.
set -eu

build="gcc g++ make patch xz-utils pkg-config ca-certificates openssh-client
    libuv1-dev libnghttp2-dev libssl-dev libsqlite3-dev zlib1g-dev
    libvterm-dev libfido2-dev"
# What a Swift toolchain unpacked on a bare system lacks; installed only if it cannot start.
toolchain="libcurl4-openssl-dev libncurses-dev libxml2-dev tzdata"
tests="openssh-server dropbear-bin zsh dash busybox mksh fish tcsh python3 python3-venv
    iproute2 vim less procps man-db tmux sudo expect rlwrap gnupg pinentry-tty sqlite3 bc
    nano screen zip unzip fdisk liquidprompt zsh-autosuggestions zsh-syntax-highlighting fzf
    chromium"

refuse() {
    echo "These packages are missing, and this user cannot install them. Run, then try again:" >&2
    echo "    $*" >&2
    exit 69
}

# Runs a command as root, or prints all of $1 for a person to run.
as_root() {
    whole=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    elif [ -t 0 ] && command -v sudo >/dev/null; then
        sudo "$@"
    else
        refuse "$whole"
    fi
}

installed() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

with_apt() {
    wanted=
    for group in "$@"; do
        case $group in
        build) wanted="$wanted $build" ;;
        tests) wanted="$wanted $tests" ;;
        *) echo "packages.sh: no group '$group'; there are: build tests" >&2; exit 64 ;;
        esac
    done
    if command -v swift >/dev/null && ! swift --version >/dev/null 2>&1; then
        wanted="$wanted $toolchain"
    fi
    # The system's libssh2 if it is new enough; else build-libssh2.sh builds one.
    ssh2=$(apt-cache policy libssh2-1-dev 2>/dev/null | sed -n 's/^ *Candidate: //p')
    if [ -n "$ssh2" ] && dpkg --compare-versions "$ssh2" ge 1.11; then
        wanted="$wanted libssh2-1-dev"
    fi
    missing=
    for package in $wanted; do installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    install="apt-get install -y --no-install-recommends$missing"
    [ "$(id -u)" = 0 ] && sudo= || sudo='sudo '
    whole="${sudo}apt-get update && $sudo$install"
    echo "missing:$missing"
    as_root "$whole" apt-get -qq update
    # shellcheck disable=SC2086
    as_root "$whole" env DEBIAN_FRONTEND=noninteractive $install >/dev/null
    # Without fetched lists, nothing was known about libssh2 above: check once more.
    case ${ssh2:-none} in
    none | '(none)') [ "${again:-}" ] || { again=1; with_apt "$@"; } ;;
    esac
}

# Untested: nobody has run this branch on a Mac yet.
with_brew() {
    wanted="libuv libnghttp2 openssl@3 sqlite libvterm libfido2 libssh2 pkg-config"
    for group in "$@"; do
        [ "$group" != tests ] || wanted="$wanted dropbear zsh dash mksh fish tcsh python3"
    done
    for package in $wanted; do
        brew list --versions "$package" >/dev/null 2>&1 || brew install "$package"
    done
}

[ $# -gt 0 ] || set -- build
if command -v apt-get >/dev/null; then
    with_apt "$@"
elif command -v brew >/dev/null; then
    with_brew "$@"
else
    echo "Neither apt-get nor brew is here. Install by your own package manager:" >&2
    echo "libuv, nghttp2, OpenSSL 3, SQLite, libvterm, libfido2, zlib, libssh2 >= 1.11 (with headers)," >&2
    echo "OpenSSH, a C compiler, make and pkg-config. Going on as if they were there." >&2
fi
if ! command -v swift >/dev/null; then
    echo "No swift in PATH: install the Swift 6.3 toolchain and add its usr/bin to PATH." >&2
    exit 69
fi
