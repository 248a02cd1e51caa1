#!/usr/bin/env bash
# Checks (or with --fix corrects) the formatting of Swift, C and shell files.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t swift_files < <(git ls-files '*.swift')
mapfile -t c_files < <(git ls-files '*.c' '*.h' '*.cpp')
mapfile -t shell_files < <(git ls-files '*.sh' .ci/run)

if [[ ${1:-} == --fix ]]; then
    swift format --in-place --configuration .swift-format "${swift_files[@]}"
    clang-format -i "${c_files[@]}"
    exit 0
fi
swift format lint --strict --configuration .swift-format "${swift_files[@]}"
clang-format --dry-run -Werror "${c_files[@]}"
for file in "${shell_files[@]}"; do
    bash -n "$file"
done
/usr/bin/python3 -m json.tool .devcontainer/devcontainer.json >/dev/null
# Files that must not be committed.
if git ls-files | grep -E '(^|/)(\.build[^/]*/|Package\.resolved$)|\.(o|a|so|elf)$'; then
    echo "lint: the files above are generated and must not be in git" >&2
    exit 1
fi
long=$(git ls-files '*.swift' '*.c' '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 450 { print $2 ": " $1 " lines" }')
if [[ -n $long ]]; then
    echo "lint: a file over 450 lines is two files:" >&2
    echo "$long" >&2
    exit 1
fi
# A descriptor has one owner, which closes it.
if grep -nE '(^|[^.[:alnum:]_]|Glibc\.|Musl\.)close\([^)]' -r Sources --include='*.swift' | grep -v 'func close(' |
    grep -v '^Sources/SandboxRuntime/System/OwnedDescriptor\.swift:'; then
    echo "lint: the descriptors above are closed by hand; let an OwnedDescriptor own them" >&2
    exit 1
fi
# The C core's parts use each other in one direction, and so do their folders: docs/architecture.md has the order.
uses=$(cd Sources/CIsolate/supervisor && grep -rH '^#include "' --include='*.[ch]' . | sed -nE 's|^\./(.*)\.[ch]:#include "(.*)\.h"$|\1 \2|p' |
    awk '$1 != $2 && $2 !~ /^isolate_/ { print }')
folders=$(awk '$1 != "start" { for (i = 1; i <= 2; i++) if (!sub("/.*", "", $i)) $i = "shared"; if ($1 != $2) print }' <<<"$uses")
for graph in "$uses" "$folders"; do
    if ! tsort <<<"$graph" >/dev/null; then
        echo "lint: parts of Sources/CIsolate/supervisor include each other in a circle" >&2
        exit 1
    fi
done
echo "lint: ${#swift_files[@]} Swift, ${#c_files[@]} C and ${#shell_files[@]} shell files are clean"
