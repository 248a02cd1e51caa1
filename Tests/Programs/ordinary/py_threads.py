"""Adds in threads, with a queue, a lock and a pool."""
import concurrent.futures
import threading
import time

lock, total = threading.Lock(), 0


def add(count):
    global total
    for _ in range(count):
        with lock:
            total += 1
    time.sleep(0.001)
    return count


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    added = sum(pool.map(add, [100] * 8))
print(total, added)
