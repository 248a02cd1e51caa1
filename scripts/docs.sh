#!/usr/bin/env bash
# Builds the DocC pages of the public modules into docs/api.
set -euo pipefail
cd "$(dirname "$0")/.."
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
for module in Runners SandboxDocker; do
    swift build --target "$module" -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs" --scratch-path .build-docs
done
mkdir -p docs/api
for module in Sandbox Runners SandboxDocker; do
    mkdir -p "$graphs/$module"
    mv "$graphs/$module".symbols.json "$graphs/$module"@*.json "$graphs/$module/" 2>/dev/null || true
    "$docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs/$module" \
        --fallback-display-name "$module" --fallback-bundle-identifier "swift-sandbox.$module" \
        --warnings-as-errors --output-path "docs/api/$module"
done
echo "docs: docs/api/Sandbox, docs/api/Runners and docs/api/SandboxDocker"
