"""Prints text outside ASCII to both streams, and reads a line of it."""
import os
import sys

print("žluťoučký kůň 🐎", input())
print("čau", file=sys.stderr)
print(sys.getfilesystemencoding(), os.cpu_count() >= 1)
