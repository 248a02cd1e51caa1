#!/bin/sh
# Installs one image's packages into a Debian 12 root and cleans it. Runs inside that root: from the image's Dockerfile,
# and from scripts/images.sh, so that both ways give the same content.
# Usage: install.sh NAME     (NAME/packages: one per line; NAME/stub: control file of an empty package; NAME/finish.sh;
#                             NAME/setuid: files that stay so)
set -eu
cd "$(dirname "$0")"
name=$1
export DEBIAN_FRONTEND=noninteractive
# The order of sets goes into compiled code.
export PYTHONHASHSEED=0
cp excludes /etc/dpkg/dpkg.cfg.d/runner-images
# The package lists are there already when mmdebstrap fetched them.
[ -n "$(find /var/lib/apt/lists -name '*Packages*' -print -quit)" ] || apt-get update -qq

set -- $(sed 's/#.*//' "$name/packages")
if [ -e "$name/stub" ]; then
    mkdir -p /tmp/stub/DEBIAN
    cp "$name/stub" /tmp/stub/DEBIAN/control
    dpkg-deb --build /tmp/stub /tmp/stub.deb >/dev/null
    set -- /tmp/stub.deb "$@"
fi
apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@"
# An engine gives a tmpfs there the mode of this directory.
mkdir -p /work
chmod 1777 /work
# An engine puts its own in its place; without one, names of this host would be asked for on the network.
grep -qs localhost /etc/hosts || echo "127.0.0.1 localhost" >/etc/hosts
[ ! -e "$name/finish.sh" ] || sh "$name/finish.sh"

# The base system was there before the excludes.
find /usr/share/doc /usr/share/info /usr/share/lintian /usr/share/locale /usr/share/man -mindepth 1 -delete
# A program of a sandbox gains nothing by exec; this is one more reason.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# Except where tests try just that.
[ ! -e "$name/setuid" ] || xargs chmod u+s <"$name/setuid"
rm -rf /tmp/stub /tmp/stub.deb /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* \
    /var/lib/dpkg/*-old /var/log/apt /var/log/*.log /root/.cache
