#!/usr/bin/env bash
# `make demo` and `make test` as a new user types them: in a fresh Debian that holds make, git and ca-certificates alone, with
# the last commit cloned into it. RELEASES (bookworm trixie), TARGETS (demo test) and TESTS (for make test) are variables.
#
# All of it runs in a mount and a process namespace of its own: however it ends, nothing stays mounted and nothing runs on.
# How this machine reaches Debian and Python packages (mirror, proxies, certificates, pip's configuration, local indexes)
# is read from it when it runs, and taken along. Base systems are kept in the user's cache. Nothing is removed in here, where
# folders of the machine are mounted: the caller does that when the namespace is gone.
set -euo pipefail
cd "$(dirname "$0")/.."
self=$PWD/tools/bare.sh
releases=${RELEASES:-bookworm trixie}
targets=${TARGETS:-demo test}

stop() {
    echo "make bare: $1" >&2
    exit 2
}

# -- In the namespaces, as their first process ---------------------------------------------------------------------------

# The archive that this machine's apt uses; empty leaves it to debootstrap.
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | sort -u | head -n 1 || true
}

make_base() { # release, tarball
    local new=$work/base
    echo "make bare: $1: debootstrap"
    local url
    url=$(mirror)
    debootstrap --variant=minbase --include=make,git,ca-certificates "$1" "$new" ${url:+"$url"} >"$work/log" 2>&1 || return
    rm -rf "$new"/var/cache/apt/archives/*.deb
    tar -C "$new" -c . | gzip -1 >"$2.${work##*.}" && mv "$2.${work##*.}" "$2"
    rm -rf "$new"
}

# Files and folders of this machine that pip's configuration names; a simple index links to its neighbours. Some are files
# that the chroot makes on its own (the certificates): those stay as they are.
pip_paths() {
    { cat /etc/pip.conf /etc/xdg/pip/* ~/.pip/* ~/.config/pip/* 2>/dev/null || true; env | grep '^PIP_' || true; } |
        grep -oE '(file://)?/[^ ,"'\'']+' | sed -e 's,^file://,,' -e 's,/simple/*$,,' | sort -u
}

take_along() { # root
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|Check-|Retries|ForceIP)' >"$1/etc/apt/apt.conf.d/99machine" || true
    cp /usr/local/share/ca-certificates/*.crt "$1/usr/local/share/ca-certificates/" 2>/dev/null || true
    chroot "$1" update-ca-certificates >/dev/null 2>&1
    local path
    for path in /etc/pip.conf /etc/xdg/pip ~/.pip ~/.config/pip; do
        if [ -e "$path" ]; then
            mkdir -p "$1$(dirname "${path/#$HOME//root}")"
            cp -r "$path" "$1${path/#$HOME//root}"
        fi
    done
    for path in $(pip_paths); do
        if [ -d "$path" ]; then
            mkdir -p "$1$path"
            mount --bind -o ro "$path" "$1$path"
        elif [ -f "$path" ] && [ ! -e "$1$path" ]; then
            mkdir -p "$1$(dirname "$path")"
            cp "$path" "$1$path"
        fi
    done
}

inside() { # root, command: with the environment of a new user at a terminal, and what says how to reach the network
    local root=$1 kept=()
    shift
    while IFS= read -r -d '' one; do
        [[ $one =~ ^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|[a-zA-Z]+_(proxy|PROXY)=) ]] && kept+=("$one")
    done < <(env -0)
    chroot "$root" env -i --default-signal=INT,QUIT HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb "${kept[@]}" "$@" </dev/null
}

try() { # release
    local release=$1 root=$work/$1 base=$cache/$1.tar.gz start=$SECONDS target version
    if [ ! -s "$base" ] && ! make_base "$release" "$base"; then
        tail -n 20 "$work/log"
        echo "make bare: $release: debootstrap FAILED"
        return 1
    fi
    mkdir "$root"
    tar -C "$root" -xzf "$base"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    take_along "$root"
    printf '[safe]\n\tdirectory = *\n' >"$work/gitconfig" # the tree may be another user's
    GIT_CONFIG_GLOBAL=$work/gitconfig git clone -q --no-hardlinks "$PWD" "$root/root/kinfo"
    for target in $targets; do
        echo "make bare: $release: make $target"
        if ! inside "$root" make --no-print-directory -C /root/kinfo "$target" ${TESTS:+"TESTS=$TESTS"} >"$work/log" 2>&1; then
            cp "$work/log" "$cache/$release.log"
            tail -n 30 "$work/log"
            echo "make bare: $release: make $target FAILED after $((SECONDS - start)) s; all it said: $cache/$release.log"
            return 1
        fi
        if [ "$target" = test ]; then tail -n 1 "$work/log"; fi
    done
    version=$(inside "$root" python3 -V)
    results+=("make bare: $release: make ${targets// / and make } pass on $version in $((SECONDS - start)) s")
}

if [ "${1:-}" = --namespaced ]; then
    work=$2 cache=$3
    results=() code=0
    for release in $releases; do try "$release" || { code=1; results+=("make bare: $release: FAILED"); }; done
    printf '%s\n' "${results[@]}"
    exit "$code"
fi

# -- Outside ---------------------------------------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || stop "needs root (debootstrap, chroot); try: sudo make bare"
command -v debootstrap >/dev/null || stop "needs debootstrap; type: apt-get install debootstrap"
unshare --mount --pid --fork true 2>/dev/null || stop "this machine gives no namespaces (a container without CAP_SYS_ADMIN?)"
git rev-parse -q --verify HEAD >/dev/null 2>&1 || stop "needs a git checkout: it clones the last commit"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/kinfo/bare
mkdir -p "$cache"
work=$(mktemp -d -t kinfo-bare.XXXXXX)
child=""
# Killing unshare kills the first process of the namespace, and with it all others.
clean() {
    trap '' INT TERM HUP # a second Ctrl-C does not leave half of it
    [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf --one-file-system "$work" "$cache"/*."${work##*.}"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc bash "$self" --namespaced "$work" "$cache" &
child=$!
code=0
wait "$child" || code=$?
child=""
exit "$code"
