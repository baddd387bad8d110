# Finds the program that has containers, for the scripts that follow: docker, or podman.
engine=
for program in docker podman; do
    have $program || continue
    if why=$(brief $program ps -q 2>&1); then engine=$program; break; fi
    note "$program: $(printf '%s\n' "$why" | head -n 1)"
done
[ -n "$engine" ] || have docker || have podman || note "this host has neither docker nor podman"
