"""A mail server with StartTLS and login that keeps what it gets.

    server.py ADDRESS:PORT DIRECTORY CHAIN KEY

Each message becomes DIRECTORY/N.json before it is answered. A recipient named `gone…` is refused for
good; one named `later…` is deferred while DIRECTORY/defer is there. While DIRECTORY/hold is there, a
message that has been kept is not answered.
"""

import asyncio
import itertools
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

address, directory, chain, key = sys.argv[1:]
host, port = address.rsplit(":", 1)
directory = pathlib.Path(directory)
numbers = itertools.count(len(list(directory.glob("*.json"))))


class Keeper:
    async def handle_RCPT(self, server, session, envelope, recipient, options):
        if recipient.startswith("gone"):
            return "550 5.1.1 no such mailbox\r\n 250 forged"
        if recipient.startswith("later") and (directory / "defer").exists():
            return "451 4.7.1 greylisted, try again later"
        envelope.rcpt_tos.append(recipient)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
            "raw": envelope.content.decode("ascii"),
        }
        part = directory / "part"
        part.write_text(json.dumps(kept))
        part.rename(directory / f"{next(numbers)}.json")
        while (directory / "hold").exists():
            await asyncio.sleep(0.05)
        return "250 kept"


def login(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"geovagt", b"correct horse")
    return AuthResult(success=right, handled=False)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    def session():
        return SMTP(
            Keeper(),
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=login,
        )

    server = await asyncio.get_running_loop().create_server(session, host, int(port))
    await server.serve_forever()


asyncio.run(main())
