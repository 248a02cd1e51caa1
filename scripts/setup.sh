#!/usr/bin/env bash
# Installs the missing packages that a target needs; prints what it installs, and nothing when there is nothing to do.
# Usage: scripts/setup.sh demo|test|lint|bench|engine|docker|images|vm|cross|packages|languages
set -euo pipefail

image_libraries=(zlib1g-dev libzstd-dev nettle-dev)

case "${1:?usage: setup.sh demo|test|lint|bench|engine|docker|images|vm|cross|packages|languages}" in
demo) packages=(libseccomp-dev libcap-dev "${image_libraries[@]}" pkg-config g++ python3 make) ;;
test) packages=(libseccomp-dev libcap-dev "${image_libraries[@]}" pkg-config zstd gcc g++ libc6-dev python3 python3-jsonschema make mandoc busybox-static uidmap) ;;
lint) packages=(clang-format) ;;
bench) packages=(libseccomp-dev libcap-dev "${image_libraries[@]}" pkg-config gcc g++ python3 python3-numpy bubblewrap) ;;
engine) packages=(docker.io) ;;
docker) packages=(docker.io docker-registry podman crun curl musl-tools) ;;
images) packages=(mmdebstrap) ;;
# The toolchains of the built-in languages: those of Sources/Runners/Languages that Debian has, without what they recommend.
languages) packages=(gcc libc6-dev g++ python3 pypy3 default-jdk-headless kotlin nodejs node-typescript golang-go rustc ghc ocaml-nox mono-mcs mono-runtime fp-compiler perl php-cli ruby lua5.4 bash sqlite3) ;;
cross) packages=(linux-libc-dev-arm64-cross libc6-dev-arm64-cross) ;;
packages) packages=(libseccomp-dev libcap-dev "${image_libraries[@]}" pkg-config gcc libc6-dev make binutils dpkg-dev python3) ;;
vm) packages=(qemu-system-x86 mmdebstrap e2fsprogs busybox-static cpio) ;;
*)
    echo "setup.sh: unknown target '$1'; give demo, test, lint, bench, engine, docker, images, vm, cross, packages or languages" >&2
    exit 2
    ;;
esac

if [[ ! $1 =~ ^(engine|docker|images)$ ]] && ! command -v swift >/dev/null; then
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

options=(-o DPkg::Lock::Timeout=300)
# The packages recommended with an engine are for the system's own engine, which no test uses.
[[ ! $1 =~ ^(engine|docker|images|languages)$ ]] || options+=(--no-install-recommends)
sudo=()
[[ $EUID -eq 0 ]] || sudo=(sudo)
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" apt-get install -y -qq "${options[@]}" "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup.sh: could not install ${missing[*]}; install them by hand and try again" >&2
    exit 1
fi
# Units of the packages just installed; a service that is in use was there before.
units=()
for package in "${missing[@]}"; do
    case $package in
    docker.io) units+=(docker.socket docker.service containerd.service) ;;
    docker-registry) units+=(docker-registry.service) ;;
    podman) units+=(podman.socket podman-auto-update.timer) ;;
    esac
done
if [[ ${#units[@]} -gt 0 && -d /run/systemd/system ]] && systemctl -q is-active "${units[@]}"; then
    echo "setup.sh: installing started system services, which the tests do not use;" \
        "systemctl disable --now ${units[*]} ends them" >&2
fi
