#!/bin/sh
# Install the Debian packages that are missing: `sh tools/debian.sh LIST...`, where a list is run (make demo, make test, make
# lint), ci (what the tests ask where it is there) or bare (make bare). This is the one place that names packages.
# What is there counts, not which package it came from: a Python of one's own, another distribution's gcc.
set -eu
python=${PYTHON:-python3}

run() {
    need python3 command -v "$python"
    need python3-venv "$python" -c 'import ensurepip, venv'
    need python3-dev header "$(include_folder)/Python.h"
    need gcc command -v gcc
    need libc6-dev header stdint.h stdlib.h
}

ci() {
    need git command -v git
    need make command -v make
    need qemu-system-arm command -v qemu-system-aarch64
    need qemu-system-x86 command -v qemu-system-x86_64
    need gdb-multiarch command -v gdb-multiarch
    need device-tree-compiler command -v dtc
    need u-boot-tools command -v mkimage
    need mkbootimg command -v mkbootimg
    need kexec-tools test -x /usr/sbin/vmcore-dmesg
    need pahole command -v pahole
    need binutils command -v addr2line
    need llvm command -v llvm-symbolizer
    need chromium command -v chromium
    need mandoc command -v mandoc
    need zsh command -v zsh
    need fish command -v fish
}

bare() {
    need debootstrap command -v debootstrap
    need git command -v git
}

include_folder() { "$python" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null || true; }

# Whether gcc finds headers; a path is looked for as a file, so that it can be asked before gcc is there.
header() {
    for name; do
        case $name in
        /*) [ -e "$name" ] || return 1 ;;
        *) echo "#include <$name>" | gcc -E -x c - || return 1 ;;
        esac
    done
}

missing=""
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

for list; do
    case $list in
    run | ci | bare) "$list" ;;
    *) echo "debian.sh: no list is called '$list': run, ci, bare" >&2 && exit 2 ;;
    esac
done
[ -n "$missing" ] || exit 0

by_hand() {
    echo "set-up: $1; type this as root, then try again: apt-get update && apt-get install -y$missing" >&2
    exit 1
}

command -v apt-get >/dev/null || by_hand "this is no Debian: what these packages give is missing"
sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || by_hand "packages are missing"
    sudo="sudo"
fi
echo "set-up: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
    $sudo apt-get update -qq &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
} >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    by_hand "apt-get failed"
}
