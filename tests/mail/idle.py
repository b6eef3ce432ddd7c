"""Signs in by IMAP, waits in IDLE, and says how the connection ended: PORT CA-FILE [NAME PASSWORD]."""

import imaplib
import ssl
import sys

port, authority = int(sys.argv[1]), sys.argv[2]
name, password = sys.argv[3:5] or ("anna", "secret")
context = ssl.create_default_context(cafile=authority)
try:
    mail = imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=90)
except imaplib.IMAP4.error as error:
    print("rejected", error, flush=True)
    sys.exit(0)
try:
    # In quotes, as imaplib writes a password alone.
    mail.login(name, password)
except imaplib.IMAP4.error as error:
    print("rejected", error, flush=True)
    sys.exit(0)
mail.select("INBOX", readonly=True)
mail.send(b"w1 IDLE\r\n")
print("idle", mail.readline().decode().strip(), flush=True)
while True:
    line = mail.readline()
    if not line:
        break
    print("said", line.decode().strip(), flush=True)
print("ended", flush=True)
