# protocol address port process
if have ss; then
    ss -Hltunp 2>/dev/null | awk '{
        local = $5; port = local; sub(/.*:/, "", port); sub(/:[^:]*$/, "", local)
        process = $0
        if (process !~ /users:\(\("/) process = "-"
        else { sub(/.*users:\(\("/, "", process); name = process; sub(/".*/, "", name)
            pid = process; sub(/.*pid=/, "", pid); sub(/[^0-9].*/, "", pid)
            process = name " (" pid ")" }
        print $1 "\t" local "\t" port "\t" process
    }' | sort -u | sort -n -k3,3
elif have sockstat; then
    sockstat -l 2>/dev/null | awk '$5 ~ /^(tcp|udp)/ {
        local = $6; port = local; sub(/.*:/, "", port); sub(/:[^:]*$/, "", local)
        print $5 "\t" local "\t" port "\t" $2 " (" $3 ")"
    }' | sort -u
elif have netstat && netstat -ltun >/dev/null 2>&1; then
    options=-ltunp; netstat $options >/dev/null 2>&1 || options=-ltun
    netstat $options 2>/dev/null | awk '$1 ~ /^(tcp|udp)/ {
        local = $4; port = local; sub(/.*:/, "", port); sub(/:[^:]*$/, "", local)
        process = $NF; if (process !~ /^[0-9]+\//) process = "-"
        else { split(process, part, "/"); process = part[2] " (" part[1] ")" }
        print $1 "\t" local "\t" port "\t" process
    }' | sort -u
elif [ -r /proc/net/tcp ]; then
    for kind in tcp tcp6 udp udp6; do
        [ -r /proc/net/$kind ] || continue
        awk -v kind=$kind '
            function number(text,  i, n) {
                for (i = 1; i <= length(text); i++)
                    n = n * 16 + index("0123456789ABCDEF", substr(text, i, 1)) - 1
                return n
            }
            FNR > 1 && (kind ~ /^tcp/ ? $4 == "0A" : $4 == "07") {
                split($2, part, ":"); a = part[1]
                if (length(a) == 8) a = number(substr(a, 7, 2)) "." number(substr(a, 5, 2)) "." \
                    number(substr(a, 3, 2)) "." number(substr(a, 1, 2))
                else if (a ~ /^0+$/) a = "[::]"
                print kind "\t" a "\t" number(part[2]) "\t-"
            }' /proc/net/$kind
    done
    note "this host has neither ss nor netstat: which programs listen is not known"
elif have netstat; then
    netstat -an 2>/dev/null | awk '/LISTEN/ || $1 ~ /^udp/ {
        local = $4; port = local; sub(/.*\./, "", port); sub(/\.[^.]*$/, "", local)
        print $1 "\t" local "\t" port "\t-"
    }' | sort -u
else
    note "this host has neither ss, sockstat, netstat nor /proc/net/tcp"
fi
[ "$(id -u)" = 0 ] || note "programs of other users are named to root only"
