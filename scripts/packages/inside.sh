#!/bin/sh
# Installs the packages beside it in a plain Debian, uses them as their users do, and removes them. Runs as root in a mount
# namespace of its own, from scripts/packages/test.sh.
# Usage: inside.sh VERSION
set -eu
version=$1
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
fail() { echo "packages: $*" >&2 && exit 1; }
# quiet COMMAND...: its output only when it fails.
quiet() { "$@" >/tmp/log 2>&1 || { cat /tmp/log >&2 && fail "$* failed"; }; }
apt() { quiet apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@"; }
# What packages and their users make, without the records of apt and dpkg, caches and logs.
files() {
    find / -xdev \( -path /packages -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \
        -o -path /tmp -o -path /proc -o -path /sys -o -path /dev -o -path /etc/ld.so.cache \) -prune -o -print | sort
}

[ -n "$(find /var/lib/apt/lists -name '*Packages*' -print -quit)" ] || quiet apt-get update -qq
files >before

# apt finds what they depend on, and refuses a package that has a dependency which this Debian cannot meet.
apt install ./swift-sandbox_*.deb ./libisolate0_*.deb ./libisolate-dev_*.deb
dpkg --verify swift-sandbox libisolate0 libisolate-dev
for package in swift-sandbox libisolate0 libisolate-dev; do
    [ "$(dpkg-query -W -f '${Version}' $package)" = "$version" ] || fail "$package has another version"
    dpkg -L $package
done | sort -u >listed

echo "-- sandbox exec and run"
[ "$(sandbox exec -- /bin/echo well)" = well ] || fail "sandbox exec does not work"
printf 'print(6 * 7)\n' >/tmp/answer.py
[ "$(sandbox run /tmp/answer.py)" = 42 ] || fail "sandbox run does not work"
status=0
sandbox exec -- /bin/sh -c 'exit 3' || status=$?
[ $status -eq 3 ] || fail "the exit status was $status, not 3"
sandbox doctor | head -n 3

echo "-- a judge in C, by gcc and pkg-config"
cc -std=c11 -Wall -Wextra -pedantic -Werror judge.c $(pkg-config --cflags --libs isolate) -o /tmp/judge
/tmp/judge | tee /tmp/shared
grep -q '^gcc  *exited 0,' /tmp/shared && grep -q '^./main  *exited 3,' /tmp/shared || fail "the judge does not work"
cc -std=c11 judge.c -l:libisolate.a $(pkg-config --static --libs libseccomp libcap) -pthread -o /tmp/judge-static
/tmp/judge-static >/tmp/static
grep -q '^./main  *exited 3,' /tmp/static || fail "the judge with libisolate.a does not work"
! ldd /tmp/judge-static | grep isolate || fail "that judge needs libisolate.so"

echo "-- manual pages and completions"
# Every page is found and formatted without a complaint.
for page in $(grep '/man/man1/.*\.gz$' listed); do
    name=$(basename "$page" .1.gz)
    man --warnings "$name" >/tmp/page 2>/tmp/warnings || fail "man $name failed"
    [ ! -s /tmp/warnings ] || fail "man $name: $(cat /tmp/warnings)"
    grep -q "sandbox" /tmp/page || fail "man $name has nothing"
done
echo "$(grep -c '/man/man1/.*\.gz$' listed) pages"
bash -c 'source /usr/share/bash-completion/completions/sandbox && complete -p sandbox'
grep -q '^#compdef.*sandbox' /usr/share/zsh/vendor-completions/_sandbox || fail "no completion for zsh"
grep -q 'complete .*sandbox' /usr/share/fish/vendor_completions.d/sandbox.fish || fail "no completion for fish"

echo "-- removed"
apt purge swift-sandbox libisolate0 libisolate-dev
apt autoremove --purge
files >after
diff before after || fail "removing the packages left the files above"
echo "nothing is left of $(wc -l <listed) files and directories"
