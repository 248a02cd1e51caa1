#!/usr/bin/env bash
# The benchmarks, side by side in one run each; see docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build -c release --package-path Benchmarks 2>&1 | grep -E 'error|warning|Compiling|Build' | tail -n 1
program=$(swift build -c release --package-path Benchmarks --show-bin-path)/sandbox-benchmarks
for part in ${*:-compare heap throughput phases}; do
    "$program" "$part"
done
