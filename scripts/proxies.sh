#!/bin/sh
# Unpacks proxies into .deps/proxies: nginx, Caddy and haproxy, which the tests put in front of the
# relay; tinyproxy and microsocks, through which they let agents dial.
# Not installed: as packages they would run as services, on ports 80 and 443. Nor is one fetched
# that the machine has. apt verifies the signatures. Does nothing if they are there, or without apt.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
proxies=$root/.deps/proxies wanted='nginx caddy haproxy tinyproxy-bin microsocks'
command -v apt-get >/dev/null || exit 0
if [ "$(cat "$proxies/complete" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
leave_out() {
    echo "proxies: $1: tests that need '$wanted' are left out" >&2
    exit 0
}
# shellcheck disable=SC2086
plan() { LC_ALL=C apt-get -s -qq install --no-install-recommends $wanted; }
renew() { [ "$(id -u)" = 0 ] && apt-get -qq update; }
plan >/dev/null 2>&1 || renew || :
plan=$(plan) || leave_out "apt does not know all of them"
# What an installation would add, with the libraries; `[` marks what it would only renew.
names=$(echo "$plan" | sed -n 's/^Inst \([^ ]*\) (.*/\1/p')
echo "proxies: fetching" $names
# Beside what is there, which stays if this fails.
new=$proxies.new
rm -rf "$new"
mkdir -p "$new/debs"
cd "$new/debs"
# shellcheck disable=SC2086
fetch() { [ -z "$names" ] || apt-get -qq -o APT::Sandbox::User="$(id -un)" download $names; }
# The lists may be older than what the mirror has.
fetch || { renew && fetch; } || leave_out "they cannot be fetched"
for package in *.deb; do [ ! -e "$package" ] || dpkg -x "$package" "$new"; done
cd "$root"
rm -rf "$new/debs" "$proxies"
echo "$wanted" >"$new/complete"
mv "$new" "$proxies" # last: a set-up cut short is not taken for done
