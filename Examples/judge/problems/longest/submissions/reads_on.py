words = []
while True:
    words += input().split()
