#!/bin/sh
# Sets up .deps/venv with the Python packages of scripts/requirements.txt (tests and bench only),
# each of the version and with the hash that scripts/requirements.lock names.
# The machine's pip configuration decides where they come from. Does nothing if they are installed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.deps/venv wanted=$root/scripts/requirements.lock
if cmp -s "$wanted" "$venv/requirements.lock" && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
echo "python: setting up .deps/venv"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$wanted"
cp "$wanted" "$venv/requirements.lock" # last: an install cut short is not taken for done
