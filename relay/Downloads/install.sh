#!/bin/sh
# Makes this machine a site of a Homeline relay:
#     … | sh -s -- INVITATION SUM [FLAGS]
# It downloads the agent's program, checks it by SUM, and has it install itself (`homeline-agent
# install INVITATION FLAGS`), which joins the relay and starts a service.
# Everything is in one function that the last line calls: a part of this text runs nothing.
main() {
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
    fetch() { # PATH FILE
        if have curl; then
            curl -gkfsS --retry 5 --retry-delay 2 -o "$2" "$base$1"
        else
            wget -q --no-check-certificate -O "$2" "$base$1"
        fi
    }
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
    "$program" install "$invitation" "$@" </dev/null
}
main "$@"
