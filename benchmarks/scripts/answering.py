"""A server that does nothing but answer: what `load.py` reaches against it is the most that it could ever measure.

python answering.py PORT BYTES
"""

import asyncio
import sys

import httptools
import uvloop


class Answering(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Take requests apart."""
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer."""
        self.transport.write(ANSWER)


async def main(port: int) -> None:
    """Answer until killed."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    size = int(sys.argv[2])
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ANSWER = head.encode() + b" " * size
    uvloop.run(main(int(sys.argv[1])))
