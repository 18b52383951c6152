"""Reads a mail as a mail program does, and prints what it shows as JSON."""

import email
import email.policy
import json
import sys



def plain(text):
    """Headers beyond ASCII come as bytes (RFC 6532), which Python keeps as surrogates."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
json.dump(
    {
        "headers": [[name, plain(value)] for name, value in message.items()],
        "to": [[plain(a.display_name), plain(a.addr_spec)] for a in message["to"].addresses],
        "date": message["date"].datetime.isoformat(),
        "text": message.get_content(),
        "type": message.get_content_type(),
        "defects": [str(defect) for defect in message.defects],
    },
    sys.stdout,
)
