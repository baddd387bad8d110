# filesystem type size_kib used_kib free_kib used_percent inodes_used_percent mount
if df -PkT / >/dev/null 2>&1; then typed=1; options=-PkT; else typed=0; options=-Pk; fi
{
    brief df $options 2>/dev/null || {
        note "a remote file system did not answer in time: only local ones are shown"
        df $options -l 2>/dev/null
    }
    echo @
    brief df -Pi 2>/dev/null
} | awk -v typed=$typed '
    /^!/ { print; next }
    $1 == "@" { inodes = 1; next }
    /^Filesystem/ { next }
    {
        first = inodes || !typed ? 6 : 7
        mount = $first
        for (i = first + 1; i <= NF; i++) mount = mount " " $i
    }
    inodes { share = $5; sub("%", "", share); used[mount] = share; next }
    $2 ~ /^(devtmpfs|squashfs|efivarfs)$/ || $(first - 4) + 0 == 0 || mount in row { next }
    {
        share = $(first - 1); sub("%", "", share)
        order[++count] = mount
        row[mount] = $1 "\t" (typed ? $2 : "-") "\t" $(first - 4) "\t" $(first - 3) "\t" \
            $(first - 2) "\t" share
    }
    END {
        for (i = 1; i <= count; i++) {
            share = used[order[i]]
            if (share !~ /^[0-9]+$/) share = "-"
            print row[order[i]] "\t" share "\t" order[i]
        }
    }'
