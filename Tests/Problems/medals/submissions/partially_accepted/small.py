n = int(input())
print(2 * n if n < 55 else n)
