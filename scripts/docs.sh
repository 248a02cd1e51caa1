#!/usr/bin/env bash
# Makes the DocC pages of the public modules in docs/api, as one site, from what `make build` has built, without compiling
# again. A link to a missing symbol or page is an error. With --check nothing is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=$(dirname "$(readlink -f "$(command -v swift)")")
source scripts/modules.sh

swift build --enable-all-traits >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
find_module_flags "$PWD" "$PWD/.build"
known=() archives=()
for module in "${modules[@]}"; do
    mkdir "$work/$module"
    archive=$work/$module.doccarchive
    "$tools/swift-symbolgraph-extract" -module-name "$module" -target "$(uname -m)-unknown-linux-gnu" -I "$products/Modules" \
        "${module_flags[@]}" -minimum-access-level public -output-dir "$work/$module"
    "$tools/docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$work/$module" \
        --fallback-display-name "$module" --fallback-bundle-identifier "swift-sandbox.$module" \
        --enable-experimental-external-link-support ${known[@]+"${known[@]}"} --warnings-as-errors --output-path "$archive"
    known+=(--dependency "$archive")
    archives+=("$archive")
done
# One site: a link to another module's page leads there, and the first page lists the modules.
"$tools/docc" merge "${archives[@]}" --synthesized-landing-page-name swift-sandbox --output-path "$work/site"
if [[ ${1:-} == --check ]]; then
    echo "docs: ${modules[*]} are linked with each other"
    exit
fi
rm -rf docs/api
mv "$work/site" docs/api
echo "docs: ${modules[*]} in docs/api; to look at them:"
echo "    python3 -m http.server --bind 127.0.0.1 --directory docs/api    # then http://localhost:8000/documentation/"
