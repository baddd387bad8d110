# service state detail description
if have systemctl && [ -d /run/systemd/system ]; then
    brief systemctl list-units --state=failed --all --plain --no-legend --no-pager 2>/dev/null |
        awk '{
            text = $5; for (i = 6; i <= NF; i++) text = text " " $i
            print $1 "\t" $3 "\t" $4 "\t" (text == "" ? "-" : text)
        }'
elif have rc-status; then
    rc-status --crashed --nocolor 2>/dev/null | awk 'NF { print $1 "\tcrashed\t-\t-" }'
else
    note "this host does not record which services have failed (neither systemd nor OpenRC)"
fi
