"""Runs an event loop with a timer, a thread and a child process."""
import asyncio
import sys


async def main():
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(input()[::-1])",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate(b"olleh\n")
    await asyncio.sleep(0.01)
    print(output.decode().strip(), child.returncode, await asyncio.to_thread(lambda: "thread"))


asyncio.run(main())
