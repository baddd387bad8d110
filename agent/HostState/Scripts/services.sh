# service state detail description
if have systemctl && [ -d /run/systemd/system ]; then
    brief systemctl list-units --type=service --all --plain --no-legend --no-pager 2>/dev/null |
        awk '$2 != "not-found" {
            text = $5; for (i = 6; i <= NF; i++) text = text " " $i
            sub(/\.service$/, "", $1)
            print $1 "\t" $3 "\t" $4 "\t" (text == "" ? "-" : text)
        }' | sort -t "$(printf '\t')" -k2,2
elif have rc-status; then
    rc-status --all --nocolor 2>/dev/null | awk '/\[/ {
        name = $1; state = $0; sub(/.*\[ */, "", state); sub(/ *\].*/, "", state)
        split(state, part, " "); print name "\t" part[1] "\t-\t-"
    }' | sort -u
elif have service && service -e >/dev/null 2>&1; then
    service -e | awk '{ name = $1; sub(/.*\//, "", name); print name "\tenabled\t-\t-" }'
elif have service; then
    brief service --status-all 2>/dev/null | awk '$1 == "[" {
        print $4 "\t" ($2 == "+" ? "active" : $2 == "-" ? "inactive" : "unknown") "\t-\t-"
    }'
else
    note "this host runs none of systemd, OpenRC and init scripts"
fi
