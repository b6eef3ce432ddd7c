"""Signs in by SMTP and hands a message over, with Python's own client: PORT CA-FILE NAME PASSWORD."""

import smtplib
import ssl
import sys

port, authority, name, password = int(sys.argv[1]), *sys.argv[2:5]
context = ssl.create_default_context(cafile=authority)
with smtplib.SMTP_SSL("localhost", port, context=context, timeout=90) as smtp:
    try:
        print("signed in", *smtp.login(name, password))
    except smtplib.SMTPAuthenticationError as error:
        print("rejected", error.smtp_code, error.smtp_error.decode())
        sys.exit(0)
    refused = smtp.sendmail("anna@example.dk", ["bo@example.org"], "Subject: Hej\r\n\r\nHej fra Bangkok\r\n")
    print("handed over", refused)
