"""How Python's own POP3 and SMTP clients take a rejection: pop3|smtp PORT CA-FILE."""

import poplib
import smtplib
import ssl
import sys

kind, port, authority = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=authority)
try:
    if kind == "pop3":
        poplib.POP3_SSL("localhost", port, context=context, timeout=90)
    else:
        smtp = smtplib.SMTP_SSL("localhost", port, context=context, timeout=90)
        print(smtp.ehlo("laptop.example.dk"))
except (poplib.error_proto, smtplib.SMTPConnectError) as error:
    print("rejected", error)
else:
    print("let in")
