# What the scripts of host_read share. A script prints one row a line, its cells separated by tabs
# ("-": no value), and notes as lines that begin with "!". It changes nothing and asks nothing.
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
have() { command -v "$1" >/dev/null 2>&1; }
note() { printf '!%s\n' "$*"; }
# Runs a command for at most 5 s where the host can limit it: a dead server of files or containers
# would hold it for ever.
brief() { if have timeout; then timeout 5 "$@"; else "$@"; fi; }
