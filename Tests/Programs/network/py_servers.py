"""A server of asyncio, one of http.server and a manager of multiprocessing, each with a client, on the loopback."""
import asyncio
import http.server
import threading
import urllib.request
from multiprocessing.managers import BaseManager


async def echo():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hi\n")
    return (await reader.readline()).decode().strip()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page")

    def log_message(self, *_):
        pass


def fetch():
    server = http.server.ThreadingHTTPServer(("localhost", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with urllib.request.urlopen(f"http://localhost:{server.server_port}/") as answer:
        return answer.read().decode()


class Manager(BaseManager):
    pass


Manager.register("numbers", callable=lambda: [1, 2, 3])

if __name__ == "__main__":
    with Manager(address=("127.0.0.1", 0), authkey=b"key") as manager:
        print(asyncio.run(echo()), fetch(), manager.numbers().pop())
