import re
import sys

lines = sys.stdin.read().split("\n")
count = int(lines[0].split()[1])
assert lines[0] == "encode %d" % count and 1 <= count <= 50
assert len(lines) == count + 2 and lines[-1] == ""
assert all(re.fullmatch("[a-z]{1,30}", line) for line in lines[1:-1])
sys.exit(42)
