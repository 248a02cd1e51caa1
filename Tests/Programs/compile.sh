#!/bin/sh
# Compiles one victim program: statically, unless the source's first line says `// flags: …`.
# Usage: compile.sh SOURCE PRODUCT
set -eu
flags=$(sed -n '1s|^// flags: ||p' "$1")
case $1 in
*.cpp) compiler=g++ ;;
*) compiler=gcc ;;
esac
# Unquoted: the flags are several words.
exec "$compiler" ${flags:--static -O2 -s} -Wall "$1" -o "$2"
