# Counts the words of stdin.
import collections, sys

for word, count in collections.Counter(sys.stdin.read().split()).most_common(3):
    print(count, word)
