#!/usr/bin/env bash
# Installs what a target needs and is missing; says what it installs, and nothing when there is nothing to do.
# Usage: scripts/setup.sh demo|test|lint|bench|vm
set -euo pipefail

case "${1:?usage: setup.sh demo|test|lint|bench|vm}" in
demo) packages=(libseccomp-dev libcap-dev g++ python3 make) ;;
test) packages=(libseccomp-dev libcap-dev gcc g++ libc6-dev python3 make) ;;
lint) packages=(clang-format) ;;
bench) packages=(libseccomp-dev libcap-dev gcc g++ python3 bubblewrap) ;;
vm) packages=(qemu-system-x86 mmdebstrap e2fsprogs busybox-static cpio) ;;
*)
    echo "setup.sh: unknown target '$1'; give demo, test, lint, bench or vm" >&2
    exit 2
    ;;
esac

if ! command -v swift >/dev/null; then
    echo "setup.sh: there is no swift in PATH; install Swift 6.2 or newer first" >&2
    exit 1
fi

missing=()
for package in "${packages[@]}"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
        missing+=("$package")
    fi
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

sudo=()
[[ $EUID -eq 0 ]] || sudo=(sudo)
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup.sh: could not install ${missing[*]}; install them by hand and try again" >&2
    exit 1
fi
