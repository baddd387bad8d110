#!/bin/sh
# Sets up .deps/venv with the Python packages of scripts/requirements.txt (tests and bench only).
# The machine's pip configuration decides where they come from. Does nothing if they are installed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.deps/venv wanted=$root/scripts/requirements.txt
if cmp -s "$wanted" "$venv/requirements.txt" && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
echo "python: setting up .deps/venv"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
cp "$wanted" "$venv/requirements.txt" # last: an install cut short is not taken for done
