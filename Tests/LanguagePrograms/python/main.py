import sys
import threading

from twice import twice

mode, *rest = sys.stdin.read().split()
if mode == "hello":
    print("hello")
if mode == "sum":
    print(twice(sum(map(int, rest))))
if mode == "exit":
    sys.exit(7)
if mode == "memory":
    kept = []
    while True:
        kept.append(bytearray(b"x" * (1 << 20)))
if mode == "spin":
    while True:
        pass
if mode == "threads":
    totals = []
    threads = [threading.Thread(target=lambda: totals.append(sum(range(100)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(totals))
