#!/usr/bin/env bash
# Makes the DocC pages of the public modules in docs/api from what `swift build` has built, without compiling again. A
# link to a missing symbol is an error. With --check nothing is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=$(dirname "$(readlink -f "$(command -v swift)")")
modules=(SandboxAPI SandboxRuntime Sandbox Runners SandboxFallback SandboxDocker SandboxTesting)
pages=docs/api
[[ ${1:-} == --check ]] && pages=$work/api

swift build >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
products=$(swift build --show-bin-path)
# The C modules that the Swift modules import.
flags=()
for map in "$products"/*.build/module.modulemap; do flags+=(-Xcc "-fmodule-map-file=$map"); done
for folder in Sources/*/include "$(dirname "$(dirname "$products")")"/checkouts/*/Sources/*/include; do
    flags+=(-Xcc "-I$folder")
done
mkdir -p "$pages"
# Pages link to those of earlier modules.
known=()
for module in "${modules[@]}"; do
    mkdir "$work/$module"
    "$tools/swift-symbolgraph-extract" -module-name "$module" -target "$(uname -m)-unknown-linux-gnu" -I "$products/Modules" \
        "${flags[@]}" -minimum-access-level public -output-dir "$work/$module"
    "$tools/docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$work/$module" \
        --fallback-display-name "$module" --fallback-bundle-identifier "swift-sandbox.$module" \
        --enable-experimental-external-link-support ${known[@]+"${known[@]}"} --warnings-as-errors --output-path "$pages/$module"
    known+=(--dependency "$pages/$module")
done
echo "docs: ${modules[*]} in $pages"
