# interface state mac mtu addresses received_bytes sent_bytes
if [ -d /sys/class/net ]; then
    for path in /sys/class/net/*; do
        name=${path##*/}
        [ -e "$path/mtu" ] || continue
        read -r state < "$path/operstate"; read -r mac < "$path/address" 2>/dev/null || mac=-
        read -r mtu < "$path/mtu"
        read -r in < "$path/statistics/rx_bytes"; read -r out < "$path/statistics/tx_bytes"
        if have ip; then
            addresses=$(ip addr show dev "$name" 2>/dev/null |
                awk '$1 ~ /^inet6?$/ { printf "%s%s", s, $2; s = " " }')
        else
            addresses=$(ifconfig "$name" 2>/dev/null |
                awk '$1 ~ /^inet6?$/ { a = $2 == "addr:" ? $3 : $2; sub("addr:", "", a)
                    printf "%s%s", s, a; s = " " }')
        fi
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$state" "${mac:--}" "$mtu" \
            "${addresses:--}" "$in" "$out"
    done
elif have ifconfig; then
    ifconfig -a | awk '
        function show() {
            if (name != "") print name "\t" state "\t" mac "\t" mtu "\t" \
                (addresses == "" ? "-" : addresses) "\t-\t-"
        }
        /^[^ \t]/ {
            show(); name = $1; sub(":$", "", name); mac = "-"; addresses = ""; mtu = "-"
            state = $0 ~ /[<,]UP[,>]/ ? "up" : "down"
            for (i = 1; i < NF; i++) if ($i == "mtu") mtu = $(i + 1)
        }
        $1 == "ether" || $1 == "lladdr" { mac = $2 }
        $1 ~ /^inet6?$/ { addresses = addresses (addresses == "" ? "" : " ") $2 }
        END { show() }'
else
    note "this host has neither /sys/class/net nor ifconfig"
fi
if have ip; then
    ip route 2>/dev/null | sed -n 's/^default /!default route: /p' | head -n 3
elif have netstat; then
    netstat -rn 2>/dev/null | awk '$1 == "default" || $1 == "0.0.0.0" { print "!default route: via " $2; exit }'
fi
awk '$1 == "nameserver" { printf "%s%s", s, $2; s = " " }' /etc/resolv.conf 2>/dev/null |
    sed 's/^/!name servers: /; s/$/\
/'
