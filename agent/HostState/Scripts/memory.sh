# kind total_kib used_kib free_kib available_kib cached_kib
if [ -r /proc/meminfo ]; then
    awk '
        { sub(":", "", $1); value[$1] = $2 }
        END {
            available = value["MemAvailable"]
            if (available == "") available = value["MemFree"] + value["Buffers"] + value["Cached"]
            cached = value["Cached"] + value["Buffers"] + value["SReclaimable"]
            print "memory\t" value["MemTotal"] "\t" value["MemTotal"] - available "\t" \
                value["MemFree"] "\t" available "\t" cached
            if (value["SwapTotal"] > 0)
                print "swap\t" value["SwapTotal"] "\t" value["SwapTotal"] - value["SwapFree"] \
                    "\t" value["SwapFree"] "\t-\t" value["SwapCached"]
            else print "!no swap"
        }' /proc/meminfo
elif have sysctl; then
    total=$(sysctl -n hw.physmem 2>/dev/null || sysctl -n hw.memsize 2>/dev/null)
    page=$(sysctl -n hw.pagesize 2>/dev/null)
    free=$(sysctl -n vm.stats.vm.v_free_count 2>/dev/null)
    idle=$(sysctl -n vm.stats.vm.v_inactive_count 2>/dev/null)
    awk -v total="${total:-0}" -v page="${page:-4096}" -v free="$free" -v idle="$idle" 'BEGIN {
        if (free == "") print "memory\t" int(total / 1024) "\t-\t-\t-\t-"
        else print "memory\t" int(total / 1024) "\t" \
            int((total - (free + idle) * page) / 1024) "\t" int(free * page / 1024) "\t" \
            int((free + idle) * page / 1024) "\t-"
    }'
else
    note "this host has neither /proc/meminfo nor sysctl"
fi
for kind in cpu memory io; do
    [ -r /proc/pressure/$kind ] || continue
    read -r _ ten _ < /proc/pressure/$kind 2>/dev/null && [ "$ten" != avg10=0.00 ] &&
        note "tasks waited for $kind ${ten#avg10=} % of the last 10 s"
done
