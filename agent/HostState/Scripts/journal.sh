# time source message; the oldest first
lines() {
    awk '{
        time = $1; source = $3; first = 4
        if ($1 ~ /^[A-Z][a-z][a-z]$/) { time = $1 " " $2 " " $3; source = $5; first = 6 }
        sub(/:$/, "", source)
        text = $first; for (i = first + 1; i <= NF; i++) text = text " " $i
        print time "\t" source "\t" text
    }'
}
if have journalctl && [ -d /run/systemd/journal ]; then
    brief journalctl --no-pager -q -o short-iso -n "$limit" ${name:+-u "$name"} 2>/dev/null | lines
    [ "$(id -u)" = 0 ] || id -Gn | grep -Eqw 'adm|systemd-journal|wheel' ||
        note "only this user's messages: the account is not in the group systemd-journal or adm"
else
    found=
    for file in /var/log/syslog /var/log/messages; do
        [ -r $file ] || continue
        found=$file
        if [ -n "$name" ]; then grep -F -- "$name" $file | tail -n "$limit" | lines
        else tail -n "$limit" $file | lines; fi
        break
    done
    if [ -z "$found" ] && have logread && logread >/dev/null 2>&1; then
        logread | tail -n "$limit" | lines
    elif [ -z "$found" ]; then
        note "no journal here: neither journald nor a readable /var/log/syslog or messages"
    fi
fi
