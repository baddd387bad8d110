# pool size_bytes used_bytes free_bytes used_percent fragmentation_percent health
if have zpool; then
    zpool list -Hp -o name,size,alloc,free,cap,frag,health 2>&1 | awk -F'\t' '
        NF < 7 { print "!" $0; next }
        { if ($6 == "") $6 = "-"; sub("%", "", $6)
          print $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6 "\t" $7 }'
    zpool status -x 2>/dev/null | head -n 12 | sed 's/^/!/'
else
    note "this host has no zpool: no ZFS, or its tools are not installed"
fi
