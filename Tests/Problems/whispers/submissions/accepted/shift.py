task, count = input().split()
step = 1 if task == "encode" else 25
for _ in range(int(count)):
    word = input()
    print("".join(chr((ord(letter) - 97 + step) % 26 + 97) for letter in word), flush=True)
