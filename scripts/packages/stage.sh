#!/usr/bin/env bash
# Lays out below a directory what .build-packages has, as it is to be installed.
# Usage: stage.sh DIR     (PREFIX: /usr/local, LIBDIR: PREFIX/lib, INCLUDEDIR: PREFIX/include)
set -euo pipefail
cd "$(dirname "$0")/../.."
to=$(realpath -m "${1:?usage: stage.sh DIR}")
prefix=${PREFIX:-/usr/local} built=.build-packages
libdir=${LIBDIR:-$prefix/lib} includedir=${INCLUDEDIR:-$prefix/include}
for path in "$prefix" "$libdir" "$includedir"; do
    [[ $path == /* ]] || { echo "stage.sh: '$path' is not an absolute path; PREFIX, LIBDIR and INCLUDEDIR must be" >&2 && exit 2; }
done
if [[ ! -e $built/bin/sandbox || ! -e $built/library/libisolate.a ]]; then
    echo "stage.sh: nothing is built yet; run \`make release\`" >&2
    exit 1
fi

# Where zsh looks depends on who installs: a distribution or the administrator.
zsh=site-functions
[[ $prefix != /usr ]] || zsh=vendor-completions
put() { install -D -m "$1" "$2" "$to$prefix/$3"; }
put 755 "$built/bin/sandbox" bin/sandbox
put 644 "$built/completions/bash" share/bash-completion/completions/sandbox
put 644 "$built/completions/zsh" "share/zsh/$zsh/_sandbox"
put 644 "$built/completions/fish" share/fish/vendor_completions.d/sandbox.fish
put 644 LICENSE share/doc/swift-sandbox/LICENSE
for page in "$built"/man/*.[1-9]; do
    [[ ! -e $page ]] || put 644 "$page" "share/man/man${page##*.}/${page##*/}"
done
make -s -C Sources/CIsolate/library OUT="$PWD/$built/library" DESTDIR="$to" PREFIX="$prefix" LIBDIR="$libdir" \
    INCLUDEDIR="$includedir" install
