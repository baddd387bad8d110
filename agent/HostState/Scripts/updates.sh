# package current available source
if have apt; then
    brief apt list --upgradable 2>/dev/null | awk -F'[/ ]' '/upgradable from/ {
        old = $NF; sub(/\]$/, "", old); print $1 "\t" old "\t" $3 "\t" $2
    }'
    [ -d /var/lib/apt/lists ] &&
        note "by the package lists of $(ls -ld --time-style=long-iso /var/lib/apt/lists 2>/dev/null |
            awk '{ print $6 }'); apt-get update renews them"
    [ -e /var/run/reboot-required ] && note "the host is to be restarted"
elif have dnf || have yum; then
    tool=dnf; have dnf || tool=yum
    brief $tool -q -C check-update 2>/dev/null | awk 'NF == 3 && $1 ~ /\./ {
        print $1 "\t-\t" $2 "\t" $3
    }'
    note "by the package lists that $tool has stored"
elif have zypper; then
    brief zypper -q --no-refresh list-updates 2>/dev/null | awk -F' *[|] *' '$1 == "v" {
        print $3 "\t" $4 "\t" $5 "\t" $2
    }'
elif have apk; then
    apk version -l '<' 2>/dev/null | awk '$2 == "<" {
        name = $1; old = $1; sub(/-[0-9][^-]*-r[0-9]+$/, "", name); sub(name "-", "", old)
        print name "\t" old "\t" $3 "\t-"
    }'
elif have pacman; then
    pacman -Qu 2>/dev/null | awk '{ print $1 "\t" $2 "\t" $4 "\t-" }'
elif have pkg; then
    brief pkg version -l '<' 2>/dev/null | awk '{ print $1 "\t-\t-\t-" }'
else
    note "this host has none of apt, dnf, yum, zypper, apk, pacman and pkg"
fi
