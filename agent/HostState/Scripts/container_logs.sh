# time message; the oldest first
[ -z "$engine" ] || brief $engine logs --timestamps --tail "$limit" -- "$name" 2>&1 |
    awk '$1 !~ /^[0-9]+-[0-9]+-[0-9]+T/ { print "!" $0; next }
        { time = $1; sub(/\.[0-9]+/, "", time); sub(/^[^ ]* /, ""); gsub(/\t/, " ")
          print time "\t" $0 }'
