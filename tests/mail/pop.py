"""Signs in by POP3 with Python's own client: PORT CA-FILE NAME PASSWORD."""

import poplib
import ssl
import sys

port, authority, name, password = int(sys.argv[1]), *sys.argv[2:5]
context = ssl.create_default_context(cafile=authority)
pop = poplib.POP3_SSL("localhost", port, context=context, timeout=90)
try:
    pop.user(name)
    pop.pass_(password)
    print("signed in", pop.stat())
    pop.quit()
except poplib.error_proto as error:
    print("rejected", error)
