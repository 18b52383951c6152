"""A real mail server (aiosmtpd) on ports of its own, which misbehaves for addresses that ask for it.

python server.py FOLDER: FOLDER holds the certificates; each mail that is taken is written there as it came. The ports
are printed as one line of JSON. It ends when its standard input does.
"""

import asyncio
import collections
import itertools
import json
import logging
import pathlib
import ssl
import sys
import threading
import os
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# It wonders about log-ins on a connection that is encrypted from the first byte.
logging.getLogger("mail.log").setLevel(logging.ERROR)
warnings.simplefilter("ignore")

FOLDER = pathlib.Path(sys.argv[1])
NUMBERS = itertools.count(1)
SEEN = collections.Counter()


def first_time(what, address):
    SEEN[what, address] += 1
    return SEEN[what, address] == 1


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        if name.startswith("hangs-up"):
            server.transport.write(b"550 5.1.1 no such mailbox\r\n")
            server.transport.close()
            return "550 5.1.1 no such mailbox"
        if name.startswith("busy") and first_time("busy", address):
            return "451 4.7.1 try again later"
        if name.startswith("cut-rcpt") and first_time("rcpt", address):
            server.transport.abort()
            return "250 never heard"
        if name.startswith("closing") and first_time("closing", address):
            server.transport.write(b"421 4.3.2 shutting down\r\n")
            server.transport.close()
            return "421 4.3.2 shutting down"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        name = address.split("@")[0]
        if name.startswith("spam"):
            return "554 5.7.1 this looks like spam"
        part = FOLDER / "part"
        part.write_bytes(envelope.original_content)
        part.rename(FOLDER / f"{next(NUMBERS):05}={address}.eml")
        if name.startswith("lost-answer") and first_time("lost", address):
            server.transport.abort()
        if name.startswith("refused-late"):
            return "452 4.2.2 mailbox is full"
        return "250 OK"


class Server(SMTP):
    async def smtp_DATA(self, arg):
        for address in self.envelope.rcpt_tos:
            if address.startswith("cut-data") and first_time("data", address):
                self.transport.abort()
                return
        await super().smtp_DATA(arg)

    async def smtp_MAIL(self, arg):
        if arg and "refused-sender@" in arg:
            await self.push("550 5.7.1 you may not send")
            return
        await super().smtp_MAIL(arg)


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"rollcall", b"correct horse")
    return AuthResult(success=known, handled=known)


def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(FOLDER / f"{name}.pem", FOLDER / f"{name}.key")
    return made


async def main():
    loop = asyncio.get_running_loop()

    async def listen(encrypted=None, **options):
        make = lambda: Server(Handler(), enable_SMTPUTF8=True, hostname="mail.example.com", **options)
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=encrypted)
        return server.sockets[0].getsockname()[1]

    class Closing(asyncio.Protocol):
        def connection_made(self, transport):
            transport.close()

    login = {"authenticator": authenticate, "auth_required": True}
    starttls = {"require_starttls": True, **login}
    ports = {
        "implicit": await listen(context("server"), auth_require_tls=False, **login),
        "starttls": await listen(tls_context=context("server"), **starttls),
        "plain": await listen(),
        "other_ca": await listen(context("stranger"), auth_require_tls=False, **login),
        "other_name": await listen(context("elsewhere"), auth_require_tls=False, **login),
        "other_ca_starttls": await listen(tls_context=context("stranger"), **starttls),
    }
    closing = await loop.create_server(Closing, "127.0.0.1", 0)
    ports["closing"] = closing.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
asyncio.run(main())
