import os, sys
language, entry_point, feedback, word = sys.argv[1:]
assert language in ("cpp", "python3", "rust") and os.path.exists(entry_point)
sys.exit(43 if word in open(entry_point).read() else 42)
