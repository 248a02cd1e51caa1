import sys
line = sys.stdin.read()
assert 2 <= int(line) <= {{most}} and line == f"{int(line)}\n"
sys.exit(42)
