#!/bin/sh
# Make the virtual environment in $1 with this project in it, and with the extras named in $2, as in dt or dev.
# What it needs of Debian is installed first.
set -eu
venv=$1
extras=$2
python=${PYTHON:-python3}

usable() { [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

sh tools/debian.sh run
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "set-up: kinfo needs Python 3.11 or newer, $python is $("$python" -V); name another with PYTHON=python3.12 make" >&2
    exit 1
}
if ! usable; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
"$venv/bin/python" -m compileall -q kinfo # for machines that do not write byte code on their own
