#!/usr/bin/env bash
# Installs what .build-packages has, and removes it again: exactly the files, and the directories that it made.
# Usage: install.sh install|uninstall     (DESTDIR, PREFIX, LIBDIR and INCLUDEDIR as for stage.sh)
set -euo pipefail
here=$(realpath "$(dirname "$0")")
destdir=${DESTDIR:+$(realpath -m "$DESTDIR")} prefix=${PREFIX:-/usr/local}
# Paths below DESTDIR, directories with a slash at the end, in the order in which they were made.
list=$destdir$prefix/share/doc/swift-sandbox/installed-files

# Whoever installed found the directories of the list missing.
uninstall() {
    local path
    while read -r path; do
        case $path in
        */) rmdir "$destdir$path" 2>/dev/null || true ;; # others may have put something there
        *) rm -f "$destdir$path" ;;
        esac
    done < <(tac "$list")
}

case ${1:-} in
install)
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    "$here/stage.sh" "$stage/root"
    mkdir -p "$(dirname "$stage/root${list#"$destdir"}")"
    touch "$stage/root${list#"$destdir"}"
    cd "$stage/root"
    find . -mindepth 1 ! -type d -printf '/%P\n' | LC_ALL=C sort >"$stage/files"
    # What was there before and is not ours stays, and would be lost by a later uninstall.
    foreign=$(while read -r path; do
        [[ ! -e $destdir$path && ! -L $destdir$path ]] || grep -qsxF "$path" "$list" || echo "$destdir$path"
    done <"$stage/files")
    if [[ -n $foreign ]]; then
        printf 'install.sh: these are there already, and not from here; move them away, or choose another PREFIX:\n%s\n' "$foreign" >&2
        exit 1
    fi
    [[ ! -e $list ]] || uninstall
    find . -mindepth 1 -type d -printf '/%P\n' | LC_ALL=C sort | while read -r path; do
        [[ -d $destdir$path ]] || echo "$path/"
    done >"$stage/list"
    cat "$stage/files" >>"$stage/list"
    # The list comes first: a copy that fails leaves nothing that uninstall does not know.
    while read -r path; do [[ $path != */ ]] || mkdir -p -m 755 "$destdir$path"; done <"$stage/list"
    install -m 644 "$stage/list" "$list"
    while read -r path; do
        [[ $destdir$path == "$list" ]] || cp -df --preserve=mode,timestamps ".$path" "$destdir$path"
    done <"$stage/files"
    # The dynamic linker finds a new library in its cache.
    if [[ -z $destdir && $EUID -eq 0 ]]; then ldconfig; fi
    echo "installed $(grep -c '[^/]$' "$list") files below $destdir$prefix; make uninstall removes them"
    ;;
uninstall)
    if [[ ! -e $list ]]; then
        echo "install.sh: $list is not there: nothing is installed with this PREFIX and DESTDIR" >&2
        exit 1
    fi
    uninstall
    if [[ -z $destdir && $EUID -eq 0 ]]; then ldconfig; fi
    ;;
*)
    echo "usage: install.sh install|uninstall" >&2
    exit 2
    ;;
esac
