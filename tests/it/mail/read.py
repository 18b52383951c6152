"""Reads a mail as a mail program does, and prints what it shows as JSON."""

import email
import email.header
import email.policy
import json
import sys



def plain(text):
    """Headers beyond ASCII come as bytes (RFC 6532), which Python keeps as surrogates."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


data = sys.stdin.buffer.read()
message = email.message_from_bytes(data, policy=email.policy.default)
# The parser of addresses leaves a blank between two encoded words of a name in some versions; this one follows RFC 2047.
words = email.header.make_header(email.header.decode_header(email.message_from_bytes(data)["to"]))
json.dump(
    {
        "headers": [[name, plain(value)] for name, value in message.items()],
        "to": [[plain(a.display_name), plain(a.addr_spec)] for a in message["to"].addresses],
        "to_words": plain(words),
        "date": message["date"].datetime.isoformat(),
        "text": message.get_content(),
        "type": message.get_content_type(),
        "defects": [str(defect) for defect in message.defects],
    },
    sys.stdout,
)
