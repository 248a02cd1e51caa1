#!/usr/bin/env bash
# Tries what `make install` and `make deb` give: installs it below a directory and removes it; installs the packages in a
# plain Debian 12, where scripts/packages/inside.sh uses them, and removes them. Nothing may be left either way.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/quietly.sh
version=$(make -s -C Sources/CIsolate/library version)

scripts/packages/build.sh
work=$(mktemp -d)
# The mounts are those of a namespace that has ended.
trap 'rm -rf --one-file-system "$work"' EXIT
fail() { echo "packages: $*" >&2 && exit 1; }

echo "-- the command needs glibc, libm, libstdc++ and libgcc, and no other library"
needed=$(readelf -d .build-packages/bin/sandbox | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
echo "$needed"
[[ -z $(tr ' ' '\n' <<<"$needed" | grep -vE '^(ld-linux.*|lib(c|m|stdc\+\+|gcc_s)\.so\..*|)$') ]] || fail "it needs more"

echo "-- make install, with DESTDIR and PREFIX, and make uninstall"
install=(DESTDIR="$work/here" PREFIX=/opt/tools IS_BUILT=1)
mkdir -p "$work/here/opt/tools/bin"
touch "$work/here/opt/tools/bin/other"
make -s install "${install[@]}"
make -s install "${install[@]}" >/dev/null # a second time, over the first
root=$work/here/opt/tools
"$root/bin/sandbox" --version
for path in lib/libisolate.{a,so,so.0,so."$version"} include/isolate.h lib/pkgconfig/isolate.pc share/doc/swift-sandbox/LICENSE; do
    [[ -e $root/$path ]] || fail "make install did not install $path"
done
[[ $(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --modversion isolate) == "$version" ]] || fail "isolate.pc has another version"
make -s uninstall "${install[@]}"
left=$(cd "$work/here" && find . -mindepth 1 | sort | tr '\n' ' ')
[[ $left == './opt ./opt/tools ./opt/tools/bin ./opt/tools/bin/other ' ]] || fail "make uninstall left $left"
if make -s uninstall "${install[@]}" 2>"$work/log"; then fail "a second make uninstall succeeded"; fi
grep -q 'nothing is installed' "$work/log"

echo "-- the packages, in a plain Debian 12"
scripts/packages/deb.sh | sed 's|.*/||'
# What is in it beside the essential packages is for the tests, not for the packages.
debian=.build-packages/debian.tar
if [[ ! -e $debian || $debian -ot $0 ]]; then
    quietly mmdebstrap --variant=minbase --skip=output/dev --dpkgopt=force-unsafe-io \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged,gcc,libc6-dev,pkg-config,man-db,python3-minimal \
        bookworm "$debian.new.tar"
    mv "$debian.new.tar" "$debian"
fi
system=$work/system
mkdir -p "$system/dev"
tar -x --numeric-owner -C "$system" -f "$debian"
mkdir "$system/packages"
cp .build-packages/deb/*.deb scripts/packages/inside.sh Examples/c-judge/judge.c "$system/packages"
cp --remove-destination --dereference /etc/resolv.conf "$system/etc/resolv.conf"
# A chroot could not make user namespaces, so the tree becomes the root of a mount namespace.
unshare --mount --propagation private bash -euc '
    mount --bind "$1" "$1"
    mount -t proc proc "$1/proc"
    mount --rbind /sys "$1/sys"
    mount --rbind /dev "$1/dev"
    cd "$1"
    pivot_root . mnt
    cd /
    umount -l /mnt
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
        sh /packages/inside.sh "$2"' bash "$system" "$version"
