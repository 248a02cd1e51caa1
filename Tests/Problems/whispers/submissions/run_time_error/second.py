import sys

task, count = input().split()
for _ in range(int(count)):
    word = input()
    if task == "decode":
        sys.exit(3)
    print(word + "x", flush=True)
