# name state status image ports id
[ -z "$engine" ] || brief $engine ps -a --no-trunc=false \
    --format '{{.Names}}\t{{.State}}\t{{.Status}}\t{{.Image}}\t{{.Ports}}\t{{.ID}}' 2>/dev/null |
    awk -F'\t' '{ for (i = 1; i <= 6; i++) printf "%s%s", ($i == "" ? "-" : $i), i < 6 ? "\t" : "\n" }'
