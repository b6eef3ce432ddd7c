"""A server that demands NTLM, and keeps it as IIS does: who has logged in over a connection is the
sender of every later request on it.

Usage: server.py HOST:PORT USERS [CHAIN KEY]; USERS holds DOMAIN:NAME:PASSWORD, a line each; with a
certificate it speaks TLS. Below /mapi/ an answer comes in chunks, as MAPI over HTTP makes them while
it works, and a Ping of ActiveSync is answered after a while."""

import base64
import http.server
import os
import ssl
import sys
import time

import spnego

os.environ["NTLM_USER_FILE"] = sys.argv[2]


class Connection(http.server.BaseHTTPRequestHandler):
    """One connection: http.server makes one of these for each."""

    protocol_version = "HTTP/1.1"
    context = None
    user = None

    def proven(self, token):
        """Takes a step of the login; gives the server's token for the next, if there is one."""
        if self.context is None or self.context.complete:
            self.context = spnego.server(protocol="ntlm")
        self.user = None
        try:
            answer = self.context.step(token)
        except spnego.exceptions.SpnegoError as error:
            print(error, file=sys.stderr)
            self.context = None
            return None
        if self.context.complete:
            self.user = self.context.client_principal
            return None
        return answer

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def in_pieces(self, pieces):
        self.send_response(200)
        self.send_header("Content-Type", "application/mapi-http")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(b"0\r\n\r\n")

    def answer(self):
        body_length = len(self.body())
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        challenge = "NTLM"
        if scheme == "NTLM":
            answer = self.proven(base64.b64decode(token))
            if answer is not None:
                challenge = "NTLM " + base64.b64encode(answer).decode()
        if self.user is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = f"{self.user} {self.command} {body_length}".encode()
        if self.path.startswith("/mapi/"):
            self.in_pieces([b"PROCESSING\r\n", b"PENDING\r\n", b"PENDING\r\n", b"DONE\r\n\r\n" + body])
            return
        if "Cmd=Ping" in self.path:
            time.sleep(2)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


host, _, port = sys.argv[1].rpartition(":")
server = Server((host, int(port)), Connection)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
