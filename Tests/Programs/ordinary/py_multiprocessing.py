"""Maps over a pool of processes, with a semaphore, shared memory and a queue."""
import multiprocessing
from multiprocessing import shared_memory


def square(number):
    return number * number


if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        squares = pool.map(square, range(5))
    queue = multiprocessing.Queue()
    queue.put("queued")
    block = shared_memory.SharedMemory(create=True, size=64)
    block.buf[0] = 42
    print(squares, queue.get(), block.buf[0])
    block.close()
    block.unlink()
