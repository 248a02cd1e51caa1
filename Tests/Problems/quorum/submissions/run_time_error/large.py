number = int(input())
assert number < 5
print(number * number)
