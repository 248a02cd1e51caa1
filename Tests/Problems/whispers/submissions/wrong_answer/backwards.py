# A palindrome is its own code.
task, count = input().split()
for _ in range(int(count)):
    print(input()[::-1], flush=True)
