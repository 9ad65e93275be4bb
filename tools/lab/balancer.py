"""A balancer of connections: python -m tools.lab.balancer LISTEN BACKEND…, each ADDRESS:PORT.

It hands each new connection to the next backend that accepts one, as a balancer that checks TCP does; what is said on
it is none of its business.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from itertools import count

Address = tuple[str, int]


async def main(listen: Address, backends: list[Address]) -> None:
    """Serve until killed."""
    turns = count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(turns) % len(backends)
        for backend in (*backends[first:], *backends[:first]):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    far_reader, far_writer = await asyncio.open_connection(*backend)
                await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
                return
        writer.close()

    server = await asyncio.start_server(serve, *listen)
    await server.serve_forever()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


def address(text: str) -> Address:
    """ADDRESS:PORT in its two parts."""
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    asyncio.run(main(address(sys.argv[1]), [address(one) for one in sys.argv[2:]]))
