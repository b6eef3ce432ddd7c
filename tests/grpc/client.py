"""Calls the server of `server.py` through a gateway; prints what it got, one line a call."""

import sys

import grpc

target, host, authority, address = sys.argv[1:5]
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
if len(sys.argv) > 5:
    sys.exit()
call("Say", b"x" * 10)
call("Refuse", b"")
converse = channel.stream_stream("/test.Echo/Converse")
answers = converse(iter([b"one", b"two", b"three"]), metadata=metadata, timeout=30)
print("Converse", *(answer.decode() for answer in answers), flush=True)
gather = channel.stream_unary("/test.Echo/Gather")
answer, done = gather.with_call(iter([b"a", b"b", b"c"]), metadata=metadata, timeout=30)
print("Gather", answer.decode(), dict(done.trailing_metadata()).get("parts-bin"), flush=True)
large = b"x" * (3 << 20)
print("Large", channel.unary_unary("/test.Echo/Say")(large, metadata=metadata, timeout=60) == large, flush=True)
counted = []
try:
    for number in channel.unary_stream("/test.Echo/Count")(b"5", metadata=metadata, timeout=30):
        counted.append(number.decode())
except grpc.RpcError as error:
    print("Count", *counted, error.code().name, error.details(), flush=True)
waiting = channel.unary_stream("/test.Echo/Wait")(b"", metadata=metadata, timeout=60)
print("Wait", next(waiting).decode(), flush=True)
waiting.cancel()
try:
    channel.unary_unary("/test.Echo/Nothing")(b"", metadata=metadata, timeout=30)
except grpc.RpcError as error:
    print("Nothing", error.code().name, flush=True)
hurried = channel.unary_stream("/test.Echo/Wait")(b"", metadata=metadata, timeout=5)
try:
    print("Hurried", *(part.decode() for part in hurried), flush=True)
except grpc.RpcError as error:
    print("Hurried", error.code().name, flush=True)
