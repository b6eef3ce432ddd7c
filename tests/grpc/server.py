"""A gRPC server without a schema: says back what it hears, or ends a call with a status."""

import sys
import time
from concurrent import futures

import grpc


def say(request, context):
    context.set_trailing_metadata((("seen-client", dict(context.invocation_metadata())["x-forwarded-for"]),))
    return request


def refuse(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today")


def gather(requests, context):
    context.set_trailing_metadata((("parts-bin", b"\x00\xff"),))
    return b"+".join(requests)


def count(request, context):
    for number in range(int(request)):
        yield b"%d" % number
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "æ 100 %")


def wait(request, context):
    yield b"begun"
    while context.is_active():
        time.sleep(0.01)
    print("given up", flush=True)


def converse(requests, context):
    for request in requests:
        yield request + b"!"


handlers = grpc.method_handlers_generic_handler(
    "test.Echo",
    {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Gather": grpc.stream_unary_rpc_method_handler(gather),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Wait": grpc.unary_stream_rpc_method_handler(wait),
        "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
        "Converse": grpc.stream_stream_rpc_method_handler(converse),
    },
)
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((handlers,))
assert server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
