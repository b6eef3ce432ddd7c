"""Calls the server of `server.py` through a gateway; prints what it got, one line a call."""

import sys

import grpc

target, host, authority, address = sys.argv[1:]
with open(authority, "rb") as file:
    credentials = grpc.ssl_channel_credentials(file.read())
channel = grpc.secure_channel(
    target,
    credentials,
    options=(("grpc.ssl_target_name_override", host), ("grpc.default_authority", host)),
)
metadata = (("x-forwarded-for", address),)


def call(name, request):
    method = channel.unary_unary(f"/test.Echo/{name}")
    try:
        answer, done = method.with_call(request, metadata=metadata, timeout=30)
        seen = dict(done.trailing_metadata()).get("seen-client")
        print(name, answer.decode(), seen, flush=True)
    except grpc.RpcError as error:
        print(name, error.code().name, error.details(), flush=True)


call("Say", b"hello")
call("Say", b"x" * 10)
call("Refuse", b"")
converse = channel.stream_stream("/test.Echo/Converse")
answers = converse(iter([b"one", b"two", b"three"]), metadata=metadata, timeout=30)
print("Converse", *(answer.decode() for answer in answers), flush=True)
