#!/usr/bin/env bash
# Builds what scripts/packages installs and packs, in .build-packages: the command, linked to everything but glibc, libm,
# libstdc++ and libgcc statically; its manual pages and completions; the C core as a library.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/quietly.sh

built=$PWD/.build-packages
static=(--enable-all-traits -c release --static-swift-stdlib --scratch-path .build-static)
echo "building the command, release and static"
quietly swift build "${static[@]}" --product sandbox
echo "building libisolate"
quietly make -s -C Sources/CIsolate/library OUT="$built/library" all

rm -rf "$built"/{bin,man,completions}
mkdir -p "$built"/{man,completions}
install -D -m 755 "$(swift build "${static[@]}" --show-bin-path)/sandbox" "$built/bin/sandbox"
strip --strip-unneeded "$built/bin/sandbox"
for shell in bash zsh fish; do
    "$built/bin/sandbox" --generate-completion-script "$shell" >"$built/completions/$shell"
done
echo "making the manual pages"
quietly scripts/man.sh "$built/man"
