"""A server that demands NTLM, and keeps it as IIS does: who has logged in over a connection is the
sender of every later request on it.

Usage: server.py HOST:PORT USERS; USERS holds DOMAIN:NAME:PASSWORD, a line each."""

import base64
import http.server
import os
import sys

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

    def answer(self):
        body_length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(body_length)
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
Server((host, int(port)), Connection).serve_forever()
