#!/usr/bin/env bash
# Compares the public API with that of the last version, and lists what breaks code that uses it.
# Usage: scripts/api.sh [REF]      REF: a tag, a branch or a commit; by default the last tag vN.N.N or N.N.N before HEAD
# Exits with 1 when something breaks. Before 1.0.0 a minor version may break the API: then CHANGELOG.md says what to write instead.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/quietly.sh

modules=(SandboxAPI SandboxRuntime Sandbox Runners SandboxFallback SandboxDocker SandboxTesting)
reference=${1:-$(git describe --tags --abbrev=0 --match '[0-9]*.[0-9]*.[0-9]*' --match 'v[0-9]*.[0-9]*.[0-9]*' 2>/dev/null || true)}
if [[ -z $reference ]]; then
    echo "api: no version is tagged yet, so there is nothing to compare with; REF=COMMIT compares with any commit"
    exit
fi
commit=$(git rev-parse --verify --quiet "$reference^{commit}") || { echo "api.sh: there is no '$reference' in this repository" >&2 && exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
digester=$(dirname "$(readlink -f "$(command -v swift)")")/swift-api-digester
options=(--disable-index-store -Xswiftc -gnone)

# dump FOLDER SCRATCH INTO: the API of each module that was built from FOLDER, as JSON.
dump() {
    local products flags=() folder map module
    products=$(swift build --package-path "$1" --scratch-path "$2" --show-bin-path)
    for map in "$products"/*.build/module.modulemap; do flags+=(-Xcc "-fmodule-map-file=$map"); done
    for folder in "$1"/Sources/*/include "$2"/checkouts/*/Sources/*/include; do flags+=(-Xcc "-I$folder"); done
    mkdir -p "$3"
    for module in "${modules[@]}"; do
        # A module that is new has no API to break.
        [[ -e $products/Modules/$module.swiftmodule ]] || continue
        quietly "$digester" -dump-sdk -module "$module" -target "$(uname -m)-unknown-linux-gnu" -I "$products/Modules" "${flags[@]}" \
            -avoid-location -o "$3/$module.json"
    done
}

# The API of a commit does not change, so it is kept.
kept=$PWD/.build-api/$commit
if [[ ! -e $kept/complete ]]; then
    echo "api: building $reference, which takes some minutes the first time"
    git clone --quiet --shared --no-checkout . "$work/tree"
    git -C "$work/tree" checkout --quiet "$commit"
    quietly swift build "${options[@]}" --package-path "$work/tree" --scratch-path "$work/build"
    dump "$work/tree" "$work/build" "$kept"
    touch "$kept/complete"
fi
quietly swift build
dump "$PWD" "$PWD/.build" "$work/now"

breaks=''
for module in "${modules[@]}"; do
    [[ -e $kept/$module.json ]] || continue
    if [[ ! -e $work/now/$module.json ]]; then
        echo "$module: the module is gone"
        breaks=1
        continue
    fi
    "$digester" -diagnose-sdk -print-module --input-paths "$kept/$module.json" --input-paths "$work/now/$module.json" >"$work/found" 2>&1 || true
    # Headings and comments name no break.
    if found=$(grep -vE '^(/\*.*\*/)?\s*$' "$work/found"); then
        echo "$found"
        breaks=1
    fi
done
if [[ -n $breaks ]]; then
    echo "api: the lines above break code that uses $reference" >&2
    exit 1
fi
echo "api: nothing breaks code that uses $reference"
