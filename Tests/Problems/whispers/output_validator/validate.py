import os
import re
import sys

task, *words = open(sys.argv[1]).read().split("\n")[:-1]
answers = open(sys.argv[2]).read().split()
feedback = sys.argv[3]


def reject(why):
    with open(feedback + "judgemessage.txt", "a") as message:
        print(task, "-", why, file=message)
    sys.exit(43)


# What the first pass left is there in the second.
if os.path.exists(feedback + "passes") != task.startswith("decode"):
    sys.exit(1)
try:
    print(task, flush=True)
    replies = []
    for word in words:
        print(word, flush=True)
        reply = sys.stdin.readline().strip()
        if not re.fullmatch("[a-z]{1,60}", reply) or reply == word:
            reject("a bad reply to %s: %.40r" % (word, reply))
        replies.append(reply)
    if sys.stdin.read().strip():
        reject("more than was asked")
except BrokenPipeError:
    reject("it left")
if task.startswith("encode"):
    open(feedback + "passes", "w").close()
    with open(feedback + "nextpass.in", "w") as following:
        following.write("\n".join(["decode %d" % len(replies)] + replies) + "\n")
    with open(feedback + "judgemessage.txt", "a") as message:
        print("encoded", file=message)
elif replies != answers:
    reject("wrong words")
sys.exit(42)
