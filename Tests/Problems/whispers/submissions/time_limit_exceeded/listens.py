# In the second pass both wait for each other.
task, count = input().split()
for _ in range(int(count)):
    word = input()
    if task == "decode":
        input()
    print(word + "x", flush=True)
