# The first look at a host, as lines "title: text"; the caller cuts them.
system=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null)
echo "host: $(uname -n), ${system:-$(uname -s)}, $(uname -sr), $(uname -m)"
echo "user: $(id -un) (uid $(id -u)), groups $(id -Gn 2>/dev/null)"
echo "time: $(date '+%Y-%m-%d %H:%M:%S %Z'), up $(uptime 2>/dev/null | sed 's/.*up *//; s/, *[0-9]* user.*//; s/, *load.*//')"
if [ -r /proc/loadavg ]; then
    read -r one five fifteen _ < /proc/loadavg
    echo "load: $one $five $fifteen on $(grep -c '^processor' /proc/cpuinfo 2>/dev/null) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1))"
    awk '{ sub(":", "", $1); v[$1] = $2 } END {
        printf "memory: %d of %d MiB available", v["MemAvailable"] / 1024, v["MemTotal"] / 1024
        if (v["SwapTotal"]) printf ", swap %d of %d MiB used", (v["SwapTotal"] - v["SwapFree"]) / 1024, v["SwapTotal"] / 1024
        print "" }' /proc/meminfo
fi
[ -e /run/systemd/container ] && echo "container: $(cat /run/systemd/container)"
[ -e /.dockerenv ] && echo "container: docker"
have systemd-detect-virt && echo "virtual: $(systemd-detect-virt 2>/dev/null)"

{ brief df -Pk 2>/dev/null || { echo "disk: df did not come to its end: is a network file system out of reach?"; brief df -Pkl 2>/dev/null; }; } | awk '/^disk:/ { print; next } /^Filesystem/ { next } {
    for (at = 4; at < NF; at++) if ($at ~ /^[0-9]+%$/ && $(at - 3) ~ /^[0-9]+$/) break
    if (at >= NF || $(at - 3) == 0 || $1 ~ /^(tmpfs|devtmpfs|udev|none|shm)$/ || n >= 8) next
    mount = $(at + 1); for (i = at + 2; i <= NF; i++) mount = mount " " $i
    source = $1; for (i = 2; i < at - 3; i++) source = source " " $i
    n++
    printf "disk: %s %s used of %.1f GiB (%s)\n", mount, $at, $(at - 3) / 1048576, source }'
if have ip; then ip -o addr show 2>/dev/null | awk '$2 != "lo" && $4 !~ /^fe80/ && n++ < 8 { print "address: " $2 " " $4 }'; fi
if have systemctl && [ -d /run/systemd/system ]; then
    failed=$(brief systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null | awk '{ print $1 }' | head -n 10 | tr '\n' ' ')
    echo "failed services: ${failed:-none}"
fi
if have ss; then
    echo "listens: $(ss -Hltn 2>/dev/null | awk '{ print $4 }' | sort -u | head -n 24 | tr '\n' ' ')"
elif have netstat; then
    echo "listens: $(netstat -ltn 2>/dev/null | awk '/LISTEN/ { print $4 }' | sort -u | head -n 24 | tr '\n' ' ')"
fi
ps -eo pcpu=,rss=,args= --sort=-pcpu 2>/dev/null | grep -v 'ps -eo pcpu=' | head -n 5 | awk '{
    text = $3; for (i = 4; i <= NF; i++) text = text " " $i
    printf "busy: %s %%, %d MiB, %s\n", $1, $2 / 1024, substr(text, 1, 100) }'
for program in docker podman; do
    have $program && echo "containers: $(brief $program ps --format '{{.Names}} ({{.Status}})' 2>/dev/null | head -n 8 | tr '\n' ' ')" && break
done
echo "logged in: $(who 2>/dev/null | awk '{ print $1 }' | sort | uniq -c | awk '{ printf "%s%s x%s", s, $2, $1; s = ", " }')"
[ -e /var/run/reboot-required ] && echo "restart: the host asks to be restarted"
have zpool && zpool list -H -o name,health,cap 2>/dev/null | awk '{ print "zfs: " $1 " " $2 ", " $3 " used" }'
for tool in docker podman kubectl git python3 node java nginx apache2 psql mysql redis-server; do have $tool && tools="$tools $tool"; done
echo "tools:$tools"
