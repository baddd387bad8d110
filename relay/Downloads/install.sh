#!/bin/sh
# Makes this machine a site of a Homeline relay:
#     (…; echo homeline INVITATION SUM) | sh -s -- [FLAGS]
# It downloads the agent's program, checks it by SUM, and has it install itself (`homeline-agent
# install FLAGS`), which joins the relay and starts a service.
# Everything is in one function, which the line calls when this text has ended: a part of this text
# runs nothing. The invitation comes on standard input, and goes on in the environment: other users
# can read a process's arguments.
flags=
for word; do
    case $word in
    hl[0-9]* | *\'*)
        echo "homeline: this line is of another version, or has a quote: ask for a new line" >&2
        exit 1
        ;;
    esac
    flags="$flags '$word'"
done
homeline() {
    base='@BASE@'
    umask 077
    folder=
    fail() {
        echo "homeline: $*. Nothing was installed." >&2
        exit 1
    }
    have() { command -v "$1" >/dev/null 2>&1; }
    # Certificates are not checked here: what comes is checked by the sum of the pasted line, which
    # holds whoever sends it.
    fetch() ( # PATH FILE
        # Blocks of 512 bytes, or of 1,024: 256 MiB or more, far above any agent.
        ulimit -f 524288 2>/dev/null
        # A busy relay answers 503. Less than 1,000 bytes a second for a minute do not arrive.
        have curl && curl -gkfsS --connect-timeout 20 --speed-limit 1000 --speed-time 60 \
            --retry 30 --retry-delay 2 --retry-max-time 60 -o "$2" "$base$1" && exit
        # A curl may be too old for the relay.
        have wget || exit 1
        # BusyBox's crashes by -T where it is static (1.35).
        patience=
        case $(wget --version 2>/dev/null) in GNU*) patience='-T 60' ;; esac
        wget -q $patience --no-check-certificate -O "$2" "$base$1"
    )
    sum() { # FILE
        line=$(sha256sum <"$1") || return 1
        echo "${line%% *}"
    }

    invitation=${1:-} seal=${2:-}
    case $invitation:$seal in
    hl[0-9]*.*:????????????????????????????????????????????????????????????????) ;;
    *) fail 'This script needs the whole line that "homeline-relay invite" printed: copy it again' ;;
    esac
    shift 2
    eval "set -- \"\$@\"$flags"
    [ -n "$base" ] || fail 'the relay does not know by which address it was reached: ask its operator'
    system=$(uname -s) machine=$(uname -m)
    [ "$system" = Linux ] || fail "there is an agent for Linux alone, and this is $system"
    case $machine in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    esac
    for tool in mktemp sha256sum chmod rm; do
        have $tool || fail "this machine has no $tool, which checks or keeps the download"
    done
    have curl || have wget || fail 'this machine has neither curl nor wget to download with'

    folder=$(mktemp -d) || fail "no folder can be made in ${TMPDIR:-/tmp}: set TMPDIR to another one"
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    program=$folder/homeline-agent
    fetch /agent/sums "$folder/sums" || fail "the relay at $base could not be asked for its agents"
    [ "$(sum "$folder/sums")" = "$seal" ] ||
        fail "the relay's agents are not those of this line (they were replaced, or the download was
changed on its way): ask for a new line"
    wanted=
    while read -r value name; do
        [ "$name" != "homeline-agent-linux-$machine" ] || wanted=$value
    done <"$folder/sums"
    [ -n "$wanted" ] ||
        fail "this relay has no agent for linux-$machine: its operator can put a program
homeline-agent-linux-$machine into its folder agents"
    fetch "/agent/linux-$machine" "$program" ||
        fail "the agent's program could not be downloaded to $folder (see the line above)"
    [ "$(sum "$program")" = "$wanted" ] ||
        fail "the agent's program is not the one of this line: it was changed on its way"
    chmod 700 "$program"
    "$program" --version >/dev/null 2>&1 ||
        fail "no program can run in $folder (is it mounted noexec, or is /proc missing?): set TMPDIR to
a folder where programs may run"
    # Standard input is this script.
    HOMELINE_INVITATION=$invitation "$program" install "$@" </dev/null
}
