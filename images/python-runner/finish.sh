#!/bin/sh
# Prepares the first plot. Matplotlib looks for its font list in the user's cache only, which is empty in a new
# sandbox, and takes no read-only directory for it; without this each run would read all fonts again (a fifth of the
# time of a small plot).
set -eu
list=/usr/share/matplotlib/fontlist.json
code=/usr/lib/python3/dist-packages/matplotlib/font_manager.py

home=$(mktemp -d)
HOME=$home python3 -c 'import matplotlib.font_manager'
cp "$home"/.cache/matplotlib/fontlist-*.json "$list"
rm -r "$home"

# The time stays: compiled code is valid for the time of its source, and an image's builder may set new times back.
touch -r "$code" /tmp/time
sed -i "s|fm = json_load(fm_path)|fm = json_load(fm_path if fm_path.exists() else '$list')|" "$code"
grep -qF "'$list'" "$code"
touch -r /tmp/time "$code"
rm /tmp/time
python3 -m compileall -q "$code"

# Debian chooses Tk, which needs a display.
sed -i "s/^backend: .*/backend: Agg/" /etc/matplotlibrc
grep -qx "backend: Agg" /etc/matplotlibrc
