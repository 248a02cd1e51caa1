#!/usr/bin/env bash
# Makes the manual pages of the command, sandbox.1, sandbox-run.1 and so on, in OUTPUT_DIR: the argument parser's plugin
# writes what the command knows of itself, scripts/man/finish.py adds what scripts/man/*.mdoc say, and checks that no
# subcommand and no option is missing.
# Usage: scripts/man.sh [OUTPUT_DIR]; without it .build/man
set -euo pipefail
cd "$(dirname "$0")/.."
pages=$(realpath -m "${1:-.build/man}")
# What is built already is used; else the smallest build that has the command.
options=(--traits CLI --scratch-path .build-man)
if [[ -x .build/debug/sandbox ]]; then options=(--enable-all-traits --scratch-path .build); fi
# The pages of one version are the same whenever they are made.
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}" +%F)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made=${options[-1]}/plugins/GenerateManual/outputs/SandboxCLI
rm -rf "$made"
if ! swift package "${options[@]}" plugin generate-manual --configuration debug --multi-page --date "$date" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
fi
"${options[-1]}/debug/sandbox" --experimental-dump-help >"$work/help.json"
mkdir -p "$pages"
/usr/bin/env python3 scripts/man/finish.py "$work/help.json" "$made" "$pages"
