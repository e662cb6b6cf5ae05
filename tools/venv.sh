#!/bin/sh
# Make the virtual environment in $1 with this project in it, and with the extras named in $2 (none, or dev).
# A fresh Debian has python3 without the venv module's other half: it is installed here where that is allowed.
set -eu
venv=$1
extras=${2:-}
python=${PYTHON:-python3}

usable() { [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

if ! usable; then
    rm -rf "$venv"
    if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
        rm -rf "$venv"
        echo "make: python3-venv is missing; installing it" >&2
        if [ "$(id -u)" = 0 ]; then sudo=""; else sudo="sudo"; fi
        { $sudo apt-get update -qq && $sudo apt-get install -y -qq python3-venv; } >/dev/null || {
            echo "make: cannot install python3-venv; install it by hand: apt-get install python3-venv" >&2
            exit 1
        }
        "$python" -m venv "$venv"
    fi
fi
if [ -n "$extras" ]; then target=".[$extras]"; else target="."; fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$target"
"$venv/bin/python" -m compileall -q kinfo # for machines that do not write byte code on their own
