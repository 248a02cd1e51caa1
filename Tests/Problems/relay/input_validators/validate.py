import sys
word, number = sys.stdin.read().split()
assert word == "encode" and int(number) > 0
sys.exit(42)
