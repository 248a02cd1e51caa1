import time
a, b = map(int, input().split())
if a + b == 0:
    time.sleep(100)
print(a + b)
