#!/bin/sh
# Creates a fresh Debian in a folder: a minbase root with git, and a clean clone of HEAD.
# Runs ./run --once and ./test there and prints how long each took.
#   scripts/fresh.sh 12|13 [--no-admin | --user] [--root FOLDER] [COMMAND]
# --no-admin: as root without CAP_SYS_ADMIN, as in most containers; --user: as a user with sudo.
# --root: keeps the machine in FOLDER, or reuses the one there; COMMAND: runs this instead.
# Needs root, debootstrap and a machine whose apt knows a Debian mirror (or HOMELINE_DEBIAN_MIRROR).
# Invariant: the new machine gets only the toolchain (read-only) and the settings for the package
# mirrors from this one; its mounts and processes end with this script.
set -eu
usage() {
    echo "usage: scripts/fresh.sh 12|13 [--no-admin | --user] [--root FOLDER] [COMMAND]" >&2
    exit 64
}
refuse() {
    echo "fresh.sh: $*" >&2
    exit 69
}
here=$(cd "$(dirname "$0")/.." && pwd)
place=/root/homeline

# The second half, which runs in its own namespaces: `inside ROOT TOOLCHAIN COMMAND…`.
if [ "${1:-}" = inside ]; then
    root=$2 toolchain=$3
    shift 3
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=1777 tmp "$root/tmp"
    mount -t tmpfs -o mode=755 dev "$root/dev"
    for node in null zero full random urandom tty; do
        : >"$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for number in 0:stdin 1:stdout 2:stderr; do
        ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"
    done
    mkdir -p "$root$toolchain"
    mount --bind "$toolchain" "$root$toolchain"
    mount -o remount,bind,ro "$root$toolchain"
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    # Not by exec: this shell is process 1 of the namespace, and reaps orphans.
    "$@"; exit
fi

version=${1:-}
case $version in
12) release=bookworm ;;
13) release=trixie ;;
*) usage ;;
esac
shift
as='' root='' kept=''
while [ $# -gt 0 ]; do
    case $1 in
    --no-admin) as=no-admin ;;
    --user) as=user place=/home/dev/homeline ;;
    --root) [ $# -gt 1 ] || usage; root=$2 kept=1; shift ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || refuse "making a machine in a folder needs root"
command -v debootstrap >/dev/null || refuse "install debootstrap first"
toolchain=$(swift -print-target-info |
    sed -n 's|.*"runtimeResourcePath": *"\(.*\)/lib/swift".*|\1|p')
[ -x "$toolchain/bin/swift" ] || refuse "no swift in PATH"
case $toolchain in
/usr | /usr/local) refuse "the toolchain lies in $toolchain and cannot be lent; unpack one elsewhere" ;;
esac
of() { # the address of the machine's own mirror with this label
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" |
        sort -u | head -n 1
}
mirror=${HOMELINE_DEBIAN_MIRROR:-$(of Debian)}
[ -n "$mirror" ] || refuse "apt knows no Debian mirror here; name one in HOMELINE_DEBIAN_MIRROR"

work=$(mktemp -d) running=
finish() { # nothing is mounted here: mounts are seen in the other namespace alone
    [ -z "$running" ] || kill -KILL "$running" 2>/dev/null || :
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
root=${root:-$work/root}

if [ ! -e "$root/etc/apt/sources.list.d/fresh.list" ]; then
    echo "== fresh: making Debian $version"
    # debootstrap mounts /proc there: in a separate namespace, so that a broken run leaves nothing
    # mounted.
    unshare --mount debootstrap --variant=minbase --include=git,ca-certificates \
        "$release" "$root" "$mirror" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; refuse "debootstrap failed"; }
    security=$(of Debian-Security)
    : >"$root/etc/apt/sources.list"
    {
        echo "deb $mirror $release main"
        echo "deb $mirror $release-updates main"
        [ -z "$security" ] || echo "deb $security $release-security main"
    } >"$root/etc/apt/sources.list.d/fresh.list"
    # How this machine reaches its mirrors: the settings of apt and pip, its certificate
    # authorities, its DNS.
    apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' \
        >"$root/etc/apt/apt.conf.d/99fresh" || :
    for file in /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/pip.conf /etc/resolv.conf; do
        [ ! -e "$file" ] || cp -RL "$file" "$root$(dirname "$file")"
    done
    for file in /usr/local/share/ca-certificates/*.crt; do
        [ ! -e "$file" ] || cp "$file" "$root/usr/local/share/ca-certificates"
    done
    chroot "$root" update-ca-certificates >/dev/null 2>&1
    # As every installed Debian has it, and debootstrap does not.
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
fi
if [ "$as" = user ] && [ ! -e "$root/home/dev" ]; then
    chroot "$root" useradd -m -s /bin/bash dev
    mkdir -p "$root/etc/sudoers.d"
    echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/dev"
fi
if [ -e "$root$place/.git" ]; then
    git -C "$root$place" -c safe.directory='*' fetch -q "$here" HEAD
    git -C "$root$place" -c safe.directory='*' checkout -qf --detach FETCH_HEAD
else
    git clone -q --no-hardlinks "$here" "$root$place"
    git -C "$root$place" checkout -q --detach "$(git -C "$here" rev-parse HEAD)"
fi

# Runs a shell command on the new machine, in the clone, as the requested user.
there() {
    case $as in
    '') set -- sh -c "$1" ;;
    no-admin) set -- setpriv --bounding-set -sys_admin --inh-caps -sys_admin sh -c "$1" ;;
    user) set -- setpriv --reuid dev --regid dev --init-groups sh -c "$1" ;;
    esac
    settings=$(env | sed -n '/^PIP_\|^[a-z]*_proxy=\|^[A-Z]*_PROXY=\|^SSL_CERT_/p')
    (
        IFS='
'
        # shellcheck disable=SC2086
        exec env -i $settings HOME="$(dirname "$place")" TERM="${TERM:-dumb}" CI="${CI:-true}" \
            PATH="$toolchain/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
            unshare --mount --pid --fork --kill-child "$here/scripts/fresh.sh" inside \
            "$root" "$toolchain" env -C "$place" "$@" </dev/null
    ) &
    running=$! code=0 # waited for, so that a signal to this script is taken at once
    wait "$running" || code=$?
    running=
    return $code
}
# Runs such a command and prints how long it took.
timed() {
    begin=$(date +%s) ended=0
    there "$1" || ended=$?
    echo "fresh: Debian $version${as:+, $as}: $1: $(($(date +%s) - begin)) s, ended with $ended"
    return $ended
}

echo "== fresh: Debian $version${as:+, $as}, $(git -C "$here" log -1 --format='%h %s')"
if [ "$as" = user ]; then
    as='' there 'command -v sudo >/dev/null || { apt-get -qq update && apt-get -qq install -y sudo; }'
    chroot "$root" chown -R dev: "$place"
fi
if [ $# -gt 0 ]; then
    timed "$*"
else
    timed './run --once'
    timed ./test
fi
