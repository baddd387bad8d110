# filesystem type size_kib used_kib free_kib used_percent inodes_used_percent mount
if brief df -PkT / >/dev/null 2>&1; then typed=1; options=-PkT; else typed=0; options=-Pk; fi
{
    brief df $options 2>/dev/null || {
        note "df did not come to its end: is a network file system out of reach? local ones alone:"
        brief df $options -l 2>/dev/null || note "df of the local file systems did not end either"
    }
    echo @
    brief df -Pi 2>/dev/null
} | awk -v typed=$typed '
    /^!/ { print; next }
    $1 == "@" { inodes = 1; next }
    /^Filesystem/ { next }
    {
        # Sources and mounts may have blanks: the share of use, after three numbers, is between.
        for (at = 4; at < NF; at++)
            if (($at ~ /^[0-9]+%$/ || $at == "-") && $(at - 1) ~ /^-?[0-9]+$/ && \
                $(at - 2) ~ /^-?[0-9]+$/ && $(at - 3) ~ /^[0-9]+$/) break
        if (at >= NF) next
        mount = $(at + 1); for (i = at + 2; i <= NF; i++) mount = mount " " $i
        share = $at; sub("%", "", share)
    }
    inodes { used[mount] = share; next }
    {
        first = at - 3 - typed
        source = $1; for (i = 2; i < first; i++) source = source " " $i
        type = typed ? $first : "-"
        if (type ~ /^(devtmpfs|squashfs|efivarfs)$/ || $(at - 3) == 0 || mount in row) next
        order[++count] = mount
        row[mount] = source "\t" type "\t" $(at - 3) "\t" $(at - 2) "\t" $(at - 1) "\t" share
    }
    END {
        for (i = 1; i <= count; i++) {
            share = used[order[i]]
            if (share !~ /^[0-9]+$/) share = "-"
            print row[order[i]] "\t" share "\t" order[i]
        }
    }'
