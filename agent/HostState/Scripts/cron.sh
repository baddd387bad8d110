# source user schedule command
table() {
    awk -v source="$1" -v user="$2" -v has="$3" '
        /^[ \t]*(#|$)/ || /^[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*=/ { next }
        {
            n = $1 ~ /^@/ ? 1 : 5
            when = $1; for (i = 2; i <= n; i++) when = when " " $i
            who = user; if (has) { who = $(n + 1); n++ }
            text = $(n + 1); for (i = n + 2; i <= NF; i++) text = text " " $i
            print source "\t" who "\t" when "\t" text
        }'
}
crontab -l 2>/dev/null | table crontab "$(id -un)" 0
for file in /etc/crontab /etc/cron.d/*; do
    [ -r "$file" ] && [ -f "$file" ] && table "$file" - 1 < "$file"
done
for file in /var/spool/cron/crontabs/* /var/spool/cron/*; do
    [ -r "$file" ] && [ -f "$file" ] && [ "${file##*/}" != "$(id -un)" ] &&
        table "$file" "${file##*/}" 0 < "$file"
done
for period in hourly daily weekly monthly; do
    for file in /etc/cron.$period/*; do
        [ -x "$file" ] && printf '/etc/cron.%s\troot\t%s\t%s\n' $period $period "$file"
    done
done
if have systemctl && [ -d /run/systemd/system ]; then
    brief systemctl list-timers --all --plain --no-legend --no-pager 2>/dev/null | awk '{
        next_ = $1 == "-" || $1 == "n/a" ? "not scheduled" : "next " $2 " " $3
        print "systemd timer\t-\t" next_ "\t" $(NF - 1) " -> " $NF
    }'
fi
[ "$(id -u)" = 0 ] || note "tables of other users can be read by root only"
