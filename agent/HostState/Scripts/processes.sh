# pid parent user cpu_percent memory_percent rss_kib elapsed state command; the busiest first
rows() {
    awk -v lacks="$1" '{
        n = 8 - lacks
        command = $(n + 1)
        for (i = n + 2; i <= NF; i++) command = command " " $i
        if (lacks) print $1 "\t" $2 "\t" $3 "\t-\t-\t" $4 "\t" $5 "\t" $6 "\t" command
        else print $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6 "\t" $7 "\t" $8 "\t" command
    }'
}
format=pid=,ppid=,user=,pcpu=,pmem=,rss=,etime=,stat=,args=
if ps -eo user:32= >/dev/null 2>&1; then
    ps -ww -eo "pid=,ppid=,user:32=,pcpu=,pmem=,rss=,etime=,stat=,args=" --sort=-pcpu | rows 0
elif ps -axo "$format" >/dev/null 2>&1; then
    ps -axwwo "$format" | sort -rn -k4,4 | rows 0
elif ps -o pid,ppid,user,rss,etime,stat,args >/dev/null 2>&1; then
    # BusyBox: no share of the processor.
    ps -o pid,ppid,user,rss,etime,stat,args | sed 1d | sort -rn -k4,4 | rows 2
else
    # A BusyBox with few options: the columns that its heading names.
    ps 2>/dev/null | awk '
        NR == 1 { for (i = 1; i <= NF; i++) place[$i] = i; last = NF; next }
        {
            command = $last; for (i = last + 1; i <= NF; i++) command = command " " $i
            print $place["PID"] "\t-\t" ("USER" in place ? $place["USER"] : "-") \
                "\t-\t-\t-\t-\t" ("STAT" in place ? $place["STAT"] : "-") "\t" command
        }'
fi
