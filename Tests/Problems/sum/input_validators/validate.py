import sys
text = sys.stdin.read()
words = text.split()
assert len(words) == 2 and text == " ".join(words) + "\n"
assert all(-1000 <= int(word) <= 1000 for word in words)
sys.exit(42)
