#!/bin/sh
# Unpacks SSH servers of Debian 13 (OpenSSH 10 with its client, tinyssh, ProFTPD with mod_sftp) and
# the libraries they need into .deps/servers, for the tests alone: nothing is installed.
# .deps/servers/bin/NAME runs a program by the loader and with the libraries unpacked beside it.
# Invariant: a copy of this script appears there last, so if it is equal, the folder is complete.
# Where they cannot be fetched, says so and ends with 0: the tests leave those servers out.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
servers=$root/.deps/servers own=$root/scripts/servers.sh
packages='openssh-server openssh-client tinysshd proftpd-core proftpd-mod-crypto'
programs='usr/sbin/sshd usr/lib/openssh/sshd-session usr/lib/openssh/sshd-auth usr/bin/ssh
    usr/lib/openssh/sftp-server usr/sbin/tinysshd usr/sbin/tinysshd-makekey
    usr/sbin/tinysshd-printkey usr/sbin/proftpd'

if cmp -s "$own" "$servers/made-by" && "$servers/bin/ssh" -V 2>/dev/null; then exit 0; fi
leave_out() {
    echo "servers: $1: OpenSSH 10, tinyssh and ProFTPD are not tested with"
    exit 0
}
command -v apt-get >/dev/null || leave_out "no apt-get here"
echo "servers: fetching OpenSSH 10, tinyssh and ProFTPD of Debian 13"
rm -rf "$servers"
mkdir -p "$servers/archives" "$servers/bin"
"$root/scripts/debian13.sh" "$servers/apt" deb || leave_out "Debian 13's lists cannot be fetched"
get() { apt-get -qq -c "$servers/apt/apt.conf" "$@"; }
# Of what the packages need, the libraries: no service manager, and no tool that installs.
# shellcheck disable=SC2086
names=$(get -s install --no-install-recommends $packages |
    sed -n 's/^Inst \(\(lib\|zlib\|openssh-\|tinysshd\|proftpd-\)[^ ]*\).*/\1/p')
[ -n "$names" ] || leave_out "Debian 13's lists do not have the packages"
cd "$servers/archives"
# shellcheck disable=SC2086
get download $names || leave_out "the packages cannot be fetched"
for archive in *.deb; do dpkg-deb -x "$archive" "$servers/root"; done
rm -rf "$servers/archives" "$servers/apt" "$servers/root/usr/share"
loader=$(find "$servers/root/usr/lib" -name 'ld-linux*.so.*' | head -n 1)
for program in $programs; do
    wrapper=$servers/bin/${program##*/}
    cat >"$wrapper" <<RUN
#!/bin/sh
exec "$loader" --inhibit-cache --library-path "${loader%/*}" --argv0 "\$0" "$servers/root/$program" "\$@"
RUN
    chmod +x "$wrapper"
done
cp "$own" "$servers/made-by"
