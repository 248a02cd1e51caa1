#!/usr/bin/env bash
# Compiles the victim programs of Tests/Programs that are new or changed into a folder; VICTIMS=FOLDER makes the tests use them.
# Usage: scripts/victims.sh FOLDER
set -euo pipefail
folder=$(realpath -m "${1:?usage: victims.sh FOLDER}")
cd "$(dirname "$0")/../Tests/Programs"
mkdir -p "$folder"
count=0
while IFS= read -r -d '' source; do
    product=$folder/$(basename "${source%.*}")
    [[ $product -nt $source && $product -nt compile.sh ]] && continue
    # Renamed when complete, since an existing product is not compiled again.
    ./compile.sh "$source" "$product.new"
    mv "$product.new" "$product"
    count=$((count + 1))
done < <(find . \( -name '*.c' -o -name '*.cpp' \) -print0)
[[ $count -eq 0 ]] || echo "victims: $count compiled"
