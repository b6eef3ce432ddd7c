"""How a WebSocket server behaves (RFC 6455), case by case: its transcript, a line each.

Usage: conformance.py serve PORT, or conformance.py ask PORT HOST ADDRESS. Both ends are `websockets`; the
cases that a good client never makes are written octet by octet."""

import hashlib
import os
import socket
import struct
import sys

from websockets.sync.client import connect
from websockets.sync.server import serve

LARGE = 4 << 20


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, length=None):
    """A frame, right or wrong."""
    length = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 1 << 16:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    key = os.urandom(4) if masked else b""
    return head + key + bytes(octet ^ key[i % 4] for i, octet in enumerate(payload)) if masked else head + payload


RAW = {
    "text in three frames": frame(1, b"a", fin=False) + frame(0, b"b", fin=False) + frame(0, b"c"),
    "a ping between frames": frame(1, b"a", fin=False) + frame(9, b"p") + frame(0, b"b"),
    "a letter cut in two": frame(1, b"\xc3", fin=False) + frame(0, b"\xa6"),
    "empty frames": frame(2, fin=False) + frame(0, fin=False) + frame(0),
    "a pong nobody asked for": frame(10, b"x") + frame(1, b"still here"),
    "invalid UTF-8": frame(1, b"\xff\xfe"),
    "a frame without a mask": frame(1, b"a", masked=False),
    "a reserved bit": frame(1, b"a", reserved=0x40),
    "a reserved opcode": frame(3, b"a"),
    "a reserved control opcode": frame(11, b"a"),
    "a ping that is too long": frame(9, b"a" * 126),
    "a ping in two frames": frame(9, b"a", fin=False),
    "a continuation of nothing": frame(0, b"a"),
    "a new message within one": frame(1, b"a", fin=False) + frame(1, b"b"),
    "a close with half a code": frame(8, b"\x03"),
    "a close with an empty body": frame(8),
    "a close with a long reason": frame(8, struct.pack("!H", 1000) + b"r" * 123),
    "a close with invalid UTF-8": frame(8, struct.pack("!H", 1000) + b"\xff"),
    "a length over 63 bits": bytes([0x82, 0xFF]) + b"\xff" * 8 + b"\0" * 4,
    "data behind a close": frame(8, struct.pack("!H", 1000)) + frame(1, b"late"),
}
# So many frames are to be seen before the goodbye; elsewhere the answer is the end.
AWAITED = {
    "text in three frames": 1,
    "a ping between frames": 2,
    "a letter cut in two": 1,
    "empty frames": 1,
    "a pong nobody asked for": 1,
    "invalid UTF-8": 1,
}
for code in [999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1015, 2999, 3000, 4999, 5000]:
    RAW[f"close {code}"] = frame(8, struct.pack("!H", code) + b"farvel")


def frames_of(data):
    """What the server sent, as text."""
    said = []
    while len(data) >= 2:
        first, length, at = data[0], data[1] & 0x7F, 2
        if length == 126:
            (length,), at = struct.unpack("!H", data[2:4]), 4
        elif length == 127:
            (length,), at = struct.unpack("!Q", data[2:10]), 10
        payload = data[at : at + length]
        said.append(f"{first:02x} {payload[:40].hex()}")
        data = data[at + length :]
    return " | ".join(said) + (f" | rest {data.hex()}" if data else "")


def spoken(port, host, address, octets, awaited):
    """What comes back for these octets and a goodbye behind them."""
    head = (
        f"GET /chat HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {address}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        plain.sendall(head.encode())
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += plain.recv(1)
        assert seen.startswith(b"HTTP/1.1 101 "), seen
        plain.sendall(octets)
        seen = b""
        while frames_of(seen).count("|") < awaited - 1 or len(seen) < 2 * awaited:
            seen += plain.recv(4096)
        plain.sendall(frame(8, struct.pack("!H", 1000)))
        while piece := plain.recv(4096):
            seen += piece
        return seen


def opened(port, host, address):
    plain = socket.create_connection(("127.0.0.1", port))
    headers = {"X-Forwarded-For": address}
    uri = f"ws://{host}/chat"
    return connect(uri, sock=plain, additional_headers=headers, max_size=2 * LARGE, proxy=None)


def ask(port, host, address):
    for name, octets in RAW.items():
        print(name, "→", frames_of(spoken(port, host, address, octets, AWAITED.get(name, 0))), flush=True)
    with opened(port, host, address) as peer:
        large = os.urandom(LARGE // 64) * 64
        peer.send(large)
        print("large", hashlib.sha256(peer.recv()).digest() == hashlib.sha256(large).digest())
        peer.send(large[i : i + 65_537] for i in range(0, LARGE, 65_537))
        print("large in frames", peer.recv() == large)
        peer.send("æøå" * 100_000)
        print("text", peer.recv() == "æøå" * 100_000)
        for length in [0, 1, 125]:
            print("ping", length, peer.ping(b"p" * length).wait(60))
        for number in range(1000):
            peer.send(str(number))
        print("order", [peer.recv() for _ in range(1000)] == [str(n) for n in range(1000)])
        peer.close(4001, "farvel")
        print("closed", peer.close_code, peer.close_reason)


def echo(peer):
    for message in peer:
        peer.send(message)


if sys.argv[1] == "serve":
    with serve(echo, "127.0.0.1", int(sys.argv[2]), max_size=2 * LARGE, compression=None) as server:
        server.serve_forever()
else:
    ask(int(sys.argv[2]), sys.argv[3], sys.argv[4])
