#!/bin/sh
# Pastes a relay's line on bare machines: what works, and that each failure installs nothing.
#   scripts/install-roots.sh [bookworm] [trixie] [bullseye] [busybox]
# A machine is a root folder (debootstrap; or BusyBox alone) under an overlay, with processes and a
# network of its own, at whose other end the relay listens. It has sh, curl or wget, and sha256sum.
# Needs root, debootstrap, busybox-static, the static agent in .build/agents
# (scripts/agent-static.sh) and a relay in HOMELINE_PROGRAMS (default .build/debug).
# Invariant: the roots are kept in .deps/roots and never changed; what else is made here goes.
set -eu
cd "$(dirname "$0")/.."
refuse() {
    echo "install-roots.sh: $*" >&2
    exit 69
}
[ "$(id -u)" = 0 ] || refuse "making a machine in a folder needs root"
relay=${HOMELINE_PROGRAMS:-.build/debug}/homeline-relay
agents=.build/agents
[ -x "$relay" ] || refuse "no $relay: build first"
[ -x "$agents/homeline-agent-linux-x86_64" ] || refuse "no agent in $agents: run scripts/agent-static.sh"
[ $# -gt 0 ] || set -- bookworm trixie bullseye busybox

work=$(mktemp -d) space=hl$$ there=198.51.100.1 init='' served=''
finish() {
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || :
    [ -z "$served" ] || kill "$served" 2>/dev/null || :
    ip netns del "$space" 2>/dev/null || :
    wait 2>/dev/null || :
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
failed=0 passed=0
say() { # ok|not WHAT
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "  $1 $2"
}

# --- the relay, at the other end of the machines' network
ip netns add "$space"
ip link add "$space" type veth peer name eth0 netns "$space"
ip addr add "$there/30" dev "$space"
ip link set "$space" up
ip netns exec "$space" sh -c 'ip addr add 198.51.100.2/30 dev eth0; ip link set eth0 up; ip link set lo up'
mkdir -p "$work/relay/agents"
cp "$agents"/homeline-agent-linux-* "$work/relay/agents"
ask() { "$relay" "$@" --data "$work/relay"; }
chmod 700 "$work/relay"
"$relay" serve --data "$work/relay" --mcp "$there:18642" --tunnel "$there:18643" >"$work/log" 2>&1 &
served=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    ask status >/dev/null 2>&1 && break
    sleep 0.3
done
ask tokens create tests --scopes admin >"$work/token"
chmod 600 "$work/token"
call() { "$relay" call --url "http://$there:18642/mcp" --token-file "$work/token" "$@"; }
# Runs a command on an agent's machine, as an MCP client; prints who ran it, and where.
run() {
    command='[ ! -e /etc/os-release ] || . /etc/os-release; echo \"$(id -un) on ${PRETTY_NAME:-BusyBox}\"'
    call ssh_execute "{\"target\":\"$1/local\",\"command\":\"$command\"}" --field results 2>&1 |
        sed 's/.*"stdout":"\([^"]*\)\\n".*/\1/'
}

# --- machines
cat >"$work/names.c" <<'END'
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
__attribute__((constructor)) static void load(void) {
    char name[9] = {0};
    int file = open("/proc/self/comm", O_RDONLY);
    if (file >= 0 && read(file, name, 8) == 8 && strcmp(name, "homeline") == 0) _exit(86);
}
END
cc -shared -fPIC -o "$work/libnss_homeline.so.2" "$work/names.c" || refuse 'no C compiler'
made() { # makes the root of a release, once
    root=$PWD/.deps/roots/$1
    [ ! -e "$root.done" ] || return 0
    echo "== making $1"
    mkdir -p "$root"
    if [ "$1" = busybox ]; then
        busybox=$(dpkg -L busybox-static 2>/dev/null | grep '/bin/busybox$') ||
            refuse "install busybox-static"
        mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/usr/local/bin" \
            "$root/etc" "$root/dev" "$root/proc" "$root/root" "$root/var/lib"
        cp "$busybox" "$root/bin/busybox"
        chroot "$root" /bin/busybox --install -s
        echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
        echo 'root:x:0:' >"$root/etc/group"
    else
        command -v debootstrap >/dev/null || refuse "install debootstrap first"
        mirror=${HOMELINE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' \
            'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)}
        unshare --mount debootstrap --variant=minbase --include=ca-certificates,curl,wget \
            "$1" "$root" "$mirror" >"$work/debootstrap" 2>&1 ||
            { tail -n 5 "$work/debootstrap" >&2; refuse "debootstrap $1 failed"; }
    fi
    : >"$root.done"
}
start() { # starts a machine as new; $2: more to do before its first process
    stop
    rm -rf "$work/top"
    mkdir -p "$work/top/up" "$work/top/work" "$work/machine"
    lower=$PWD/.deps/roots/$1 more=${2:-:} machine=$work/machine top=$work/top
    export lower more machine top
    : >"$work/id"
    ip netns exec "$space" unshare --mount --pid --fork --kill-child sh -c '
        mount -t overlay overlay -o "lowerdir=$lower,upperdir=$top/up,workdir=$top/work" "$machine"
        cd "$machine"
        mount -t proc proc proc
        mkdir -p dev tmp run
        mount -t tmpfs -o mode=755 dev dev
        for node in null zero random urandom tty; do : >dev/$node; mount --bind /dev/$node dev/$node; done
        mkdir dev/pts
        mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
        ln -s pts/ptmx dev/ptmx
        mount -t tmpfs -o mode=1777 tmp tmp
        eval "$more"
        : >"$top/up.ready"
        while :; do sleep 1000; done' 2>"$work/machine.log" &
    outer=$!
    for _ in $(seq 50); do
        [ ! -e "$top/up.ready" ] || break
        sleep 0.1
    done
    init=$(cat "/proc/$outer/task/$outer/children" | tr -d ' ')
}
stop() {
    [ -z "$init" ] || { kill -KILL "$init" 2>/dev/null || :; wait "$outer" 2>/dev/null || :; }
    init=
}
inside() { # runs a shell command on the machine, as root; HOME and PATH as a login has them
    nsenter -t "$init" -m -p -n chroot "$machine" /usr/bin/env -i HOME=/root TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$1" </dev/null
}
files() { inside 'find / -xdev \( -path /proc -o -path /tmp -o -path /var/log \) -prune -o -print' | sort; }
nothing() { # whether nothing was installed
    ! inside 'ls -d /usr/local/bin/homeline* /var/lib/homeline-agent /etc/init.d/homeline* \
        /root/.local/bin/homeline* /root/.local/state/homeline
        grep homeline /etc/passwd /etc/group; ls /tmp' 2>/dev/null | grep -q .
}
paste() { # pastes a line; prints what came, and ends as it ended
    code=0
    inside "$1" >"$work/out" 2>&1 || code=$?
}
refused() { # NAME LINE TEXT: a line must fail, say TEXT, and leave nothing
    paste "$2"
    if [ "$code" != 0 ] && grep -q "$3" "$work/out" && nothing; then
        say ok "$1: $(tail -n 1 "$work/out" | cut -c1-100)"
    else
        say not "$1 (ended with $code)"
        sed 's/^/      /' "$work/out"
    fi
}
line() { ask invite --pasted "$@"; }

for release in "$@"; do
    made "$release"
    echo "== $release"
    # The relay has a name there: the program's own look-up must find it.
    start "$release" "echo $there relay.test >>etc/hosts"
    before=$(files)
    name=$release-1 user=homeline program=homeline-agent state=/var/lib/homeline-agent purge=
    [ "$release" != busybox ] || {
        user=root program='/root/.local/bin/homeline-agent' state=/root purge=--user
    }
    pasted=$(line --name "$name" --tunnel-url tls://relay.test:18643)
    [ "$release" != busybox ] ||
        # BusyBox's wget checks no certificate, so it gets no line of its own: here it has the
        # script in the clear, from the port of MCP.
        # Debian's BusyBox has no adduser, so that the agent is root's own.
        pasted="(wget -qO- http://$there:18642/install; ${pasted#*; } --user"
    began=$(date +%s%N)
    paste "$pasted"
    answer=$(run "$name")
    took=$((($(date +%s%N) - began) / 1000000))
    case $answer in "$user on "*) ;; *) code=1 ;; esac
    if [ "$code" = 0 ] && [ $took -le 30000 ]; then
        say ok "first command $took ms after the paste: $answer"
    else
        say not "the paste ended with $code, the command after $took ms: $answer"
    fi
    sed 's/^/      /' "$work/out"
    paste "$pasted"
    if [ "$code" = 0 ] && grep -q 'already: the invitation was not used' "$work/out"; then
        say ok 'the same line once more keeps the identity'
    else
        say not "the same line once more ended with $code"
        sed 's/^/      /' "$work/out"
    fi
    paste "$program uninstall $purge"
    inside "ls $state/.local/state/homeline/agent/agent.key >/dev/null" &&
        [ "$code" = 0 ] && ! inside "command -v $program" >/dev/null 2>&1 &&
        say ok 'uninstall keeps the key' || { say not uninstall; cat "$work/out"; }
    paste "${pasted}"
    paste "$program uninstall --purge $purge"
    sed 's/^/      /' "$work/out"
    after=$(files | grep -v '^/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-$\|^/etc/\.pwd\.lock$' | grep -v '^/dev/' || :)
    left=$(echo "$before" | grep -v '^/dev/' | { sort >"$work/before"; echo "$after" | sort | comm -13 "$work/before" -; })
    # Folders that others use, too, stay.
    left=$(echo "$left" | grep -v '^/root/\.local\(/bin\|/state\)\?$' || :)
    if [ "$code" = 0 ] && [ -z "$left" ] && nothing; then
        say ok 'uninstall --purge leaves nothing'
    else
        say not "uninstall --purge leaves: $left"
    fi
    case $release in bullseye | busybox) continue ;; esac

    # A usual machine has sources of names beside files and DNS. Loading one of the machine's own
    # crashes a static program; this one ends each program of ours that loads it, whatever it would
    # be asked. useradd and chown load it, too.
    start "$release" "rm -rf usr/local/bin; cp '$work/libnss_homeline.so.2' usr/lib/x86_64-linux-gnu/
        sed -i 's/^\\(passwd\\|group\\|hosts\\):.*/\\1: files homeline dns/' etc/nsswitch.conf
        echo '$there relay.test' >>etc/hosts"
    inside 'cp /usr/bin/getent /tmp/homeline-getent && /tmp/homeline-getent passwd nobody-of-this-name
        code=$?; rm /tmp/homeline-getent; exit $code' >/dev/null 2>&1 || code=$?
    [ "$code" = 86 ] || say not "the source of names does not end who loads it ($code)"
    paste "umask 027; $(line --name "$release-names" --tunnel-url tls://relay.test:18643)"
    answer=$(run "$release-names")
    [ "$code" = 0 ] && [ "${answer%% *}" = homeline ] &&
        say ok "other sources of names, no /usr/local/bin, umask 027: $answer" || {
        say not "other sources of names, no /usr/local/bin: $code $answer"
        sed 's/^/      /' "$work/out"
    }

    # a user who is not root
    start "$release" 'chroot . useradd -m -s /bin/bash ann'
    inside "chown ann /home/ann" || :
    paste "su - ann -c '$(line --name "$release-ann")'"
    answer=$(run "$release-ann")
    [ "$code" = 0 ] && [ "${answer%% *}" = ann ] && say ok "as a user: $(sed -n 2p "$work/out")" || {
        say not "as a user: $code $answer"
        sed 's/^/      /' "$work/out"
    }
    # wget alone
    start "$release" 'rm usr/bin/curl'
    pasted=$(ask invite --json --name "$release-wget" | sed 's/.*"pasted_wget":"//; s/".*//')
    paste "$pasted"
    [ "$code" = 0 ] && grep -q '^Connected' "$work/out" && say ok 'wget alone' || { say not 'wget alone'; sed 's/^/      /' "$work/out"; }
    start "$release" 'rm usr/bin/curl'
    paste "$(echo "$pasted" | sed 's|sha256//....|sha256//AAAA|')"
    nothing && say ok "wget, a wrong pin: nothing" || { say not 'wget, a wrong pin'; cat "$work/out"; }

    # failures
    start "$release"
    pasted=$(line)
    spent=$(ask invite --name "$release-spent")
    "$agents/homeline-agent-linux-x86_64" join "${spent##* }" --data "$work/spent-$release" >/dev/null
    refused 'a used invitation' "$(echo "$pasted" | sed "s/hl1[^ ]*/${spent##* }/")" 'invitation'
    pasted=$(line --ttl 1s)
    sleep 2
    refused 'an expired invitation' "$pasted" 'invitation'
    pasted=$(line)
    refused 'a changed byte in the sum' "$(echo "$pasted" | sed 's/.) |/x) |/')" 'not those of this line'
    paste "$(echo "$pasted" | sed 's|sha256//....|sha256//AAAA|')"
    grep -q 'pinned' "$work/out" && nothing && say ok "a wrong pin: $(tail -n 1 "$work/out")" || {
        say not 'a wrong pin'
        cat "$work/out"
    }
    refused 'a shortened line' "$(echo "$pasted" | sed 's/.............) |/) |/')" 'whole line'
    # a byte of the program changes after the sums were made: as by a proxy, or a bad disk
    start "$release" 'mkdir -p usr/local/sbin; printf "%s\n" "#!/bin/sh" "/usr/bin/curl \"\$@\" || exit" "for last; do case \$last in */homeline-agent) printf x >>\"\$last\";; esac; done" >usr/local/sbin/curl; chmod 755 usr/local/sbin/curl'
    refused 'a changed byte in the agent' "$pasted" 'changed on its way'
    start "$release" 'rm usr/bin/sha256sum'
    refused 'no sha256sum' "$pasted" 'no sha256sum'
    start "$release" 'mount -o remount,noexec tmp'
    refused 'a noexec /tmp' "$pasted" 'noexec'
    start "$release" 'mount -t tmpfs -o size=1m,mode=1777 tmp tmp'
    refused 'no room in /tmp' "$pasted" 'could not be downloaded'
    start "$release" 'mount -t tmpfs -o size=1m none usr/local/bin'
    refused 'no room for the program' "$pasted" 'cannot be written'
    start "$release" 'mount -t tmpfs -o noexec none usr/local/bin'
    refused 'a noexec /usr/local/bin' "$pasted" 'noexec'
    start "$release" 'mkdir -p usr/local/sbin; printf "%s\n" "#!/bin/sh" "case \$1 in -m) echo riscv64;; *) echo Linux;; esac" >usr/local/sbin/uname; chmod 755 usr/local/sbin/uname'
    refused 'another architecture' "$pasted" 'no agent for linux-riscv64'
    start "$release" 'rm usr/bin/curl usr/bin/wget'
    words=${pasted#*echo }
    refused 'neither curl nor wget' "sh -s -- <<'END'
$(cat relay/Downloads/install.sh)
${words%)*}
END" 'neither curl nor wget'
done
stop
echo "install-roots: $passed passed, $failed failed"
[ $failed = 0 ]
