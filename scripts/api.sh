#!/usr/bin/env bash
# Compares the public API with that of the last version, and lists what breaks code that uses it.
# Usage: scripts/api.sh [REF]         REF: a tag, a branch or a commit; by default the last tag N.N.N or vN.N.N
#        scripts/api.sh --self-test   shows on two small modules what is found and what is not
# Exits with 1 when something breaks. Before 1.0.0 a minor version may break the API: then CHANGELOG.md says what to write instead.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/quietly.sh
source scripts/modules.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
digester=$(dirname "$(readlink -f "$(command -v swift)")")/swift-api-digester

# dump PRODUCTS INTO [FLAG...]: the API of each module among the products, as JSON.
dump() {
    local module
    mkdir -p "$2"
    for module in "${modules[@]}"; do
        [[ -e $1/$module.swiftmodule ]] || continue
        quietly "$digester" -dump-sdk -module "$module" -target "$(uname -m)-unknown-linux-gnu" -I "$1" "${@:3}" -avoid-location \
            -o "$2/$module.json"
    done
    # Symbols that are `package` are in the dumps, and no part of the API.
    /usr/bin/python3 - "$2"/*.json <<'END'
import json, sys

def public(node):
    if "children" in node:
        node["children"] = [public(child) for child in node["children"] if not child.get("isInternal")]
    return node

for path in sys.argv[1:]:
    with open(path) as file:
        dump = json.load(file)
    public(dump["ABIRoot"])
    with open(path, "w") as file:
        json.dump(dump, file)
END
}

# dump_package FOLDER SCRATCH INTO: the API of a package that was built.
dump_package() {
    find_module_flags "$1" "$2"
    dump "$products/Modules" "$3" "${module_flags[@]}"
}

# compare OLD NEW: prints what breaks, a line each; a module that is new breaks nothing.
compare() {
    local module
    for module in "${modules[@]}"; do
        [[ -e $1/$module.json ]] || continue
        if [[ ! -e $2/$module.json ]]; then
            echo "$module: the module is gone"
            continue
        fi
        "$digester" -diagnose-sdk -print-module --input-paths "$1/$module.json" --input-paths "$2/$module.json" >"$work/found" 2>&1 || true
        # Headings and empty lines name no break.
        grep -vE '^(/\*.*\*/)?\s*$' "$work/found" || true
    done
}

self_test() {
    local found
    mkdir "$work/old" "$work/new"
    echo 'public func kept() {}; public func gone() {}; package func own() {}' >"$work/old.swift"
    echo 'public func kept() {}; public func added() {}' >"$work/new.swift"
    for age in old new; do
        swiftc -emit-module -parse-as-library -package-name test -module-name SandboxAPI "$work/$age.swift" \
            -emit-module-path "$work/$age/SandboxAPI.swiftmodule"
        dump "$work/$age" "$work/$age"
    done
    found=$(compare "$work/old" "$work/new")
    if [[ $found != "SandboxAPI: Func gone() has been removed" ]]; then
        echo "api.sh: instead of the function that was removed it found: $found" >&2
        exit 1
    fi
    echo "api: a function that was removed is found"
}

if [[ ${1:-} == --self-test ]]; then
    self_test
    exit
fi
reference=${1:-$(git describe --tags --abbrev=0 --match '[0-9]*.[0-9]*.[0-9]*' --match 'v[0-9]*.[0-9]*.[0-9]*' 2>/dev/null || true)}
if [[ -z $reference && $(git rev-parse --is-shallow-repository) == true ]]; then
    echo "api.sh: this clone is shallow and has no tag; \`git fetch --unshallow --tags\`, or give REF" >&2
    exit 1
fi
if [[ -z $reference ]]; then
    echo "api: no version is tagged yet, so there is nothing to compare with; REF=COMMIT compares with any commit"
    exit
fi
commit=$(git rev-parse --verify --quiet "$reference^{commit}") || { echo "api.sh: there is no '$reference' in this repository" >&2 && exit 2; }

# The API of a commit does not change, so it is kept.
kept=.build-api/$commit
if [[ ! -e $kept/complete ]]; then
    echo "api: building $reference, which takes some minutes the first time"
    git clone --quiet --shared --no-checkout . "$work/tree"
    git -C "$work/tree" checkout --quiet "$commit"
    quietly swift build --enable-all-traits --disable-index-store -Xswiftc -gnone --package-path "$work/tree" --scratch-path "$work/build"
    dump_package "$work/tree" "$work/build" "$kept"
    touch "$kept/complete"
fi
quietly swift build --enable-all-traits
dump_package "$PWD" "$PWD/.build" "$work/now"
breaks=$(compare "$kept" "$work/now")
if [[ -n $breaks ]]; then
    echo "$breaks"
    echo "api: the lines above break code that uses $reference" >&2
    exit 1
fi
echo "api: nothing breaks code that uses $reference"
