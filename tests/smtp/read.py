"""Reads a message that `server.py` kept, with Python's own mail parser and icalendar; prints JSON."""

import email
import email.policy
import json
import sys

import icalendar

kept = json.load(open(sys.argv[1]))
message = email.message_from_string(kept["raw"], policy=email.policy.default)
result = {
    "from": kept["from"],
    "to": kept["to"],
    "tls": kept["tls"],
    "authenticated": kept["authenticated"],
    "headers": [[name, str(value)] for name, value in message.items()],
    "text": message.get_body(("plain",)).get_content().replace("\r\n", "\n"),
    "defects": [str(defect) for part in message.walk() for defect in part.defects],
    "longest_line": max(len(line) for line in kept["raw"].splitlines()),
}
for part in message.iter_attachments():
    raw = part.get_content()
    raw = raw if isinstance(raw, bytes) else raw.encode()
    calendar = icalendar.Calendar.from_ical(raw)
    result["calendar"] = {
        "file": part.get_filename(),
        "type": part.get_content_type(),
        "part_method": part.get_param("method"),
        "method": str(calendar["METHOD"]),
        "zones": [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")],
        "errors": [str(error) for part in calendar.walk() for error in part.errors],
        "lines_end_well": b"\n" not in raw.replace(b"\r\n", b""),
        "longest_line": max(len(line) for line in raw.split(b"\r\n")),
        "events": [
            {
                "uid": str(event["UID"]),
                "sequence": int(event["SEQUENCE"]),
                "status": str(event["STATUS"]),
                "summary": str(event["SUMMARY"]),
                "start": event.decoded("DTSTART").isoformat(),
                "end": event.decoded("DTEND").isoformat(),
            }
            for event in calendar.walk("VEVENT")
        ],
    }
print(json.dumps(result))
