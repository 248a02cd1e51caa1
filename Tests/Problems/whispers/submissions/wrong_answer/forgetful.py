task, count = input().split()
for index in range(int(count)):
    word = input()
    print("q" * (index + 1) if task == "encode" else word[:-1] or "z", flush=True)
