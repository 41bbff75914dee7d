"""The line protocol of ../client.ts, spoken by slixmpp."""

import asyncio
import base64
import hashlib
import os
import sys

import slixmpp
from slixmpp.util.sasl.client import Mech, sasl_mech
from slixmpp.util.sasl.mechanisms import SCRAM


@sasl_mech(100)
class OauthBearer(Mech):
    """RFC 7628, which the library does not have; it lets its user add mechanisms."""

    name = "OAUTHBEARER"
    required_credentials = {"token"}

    def process(self, challenge=b""):
        if challenge:
            return b"\x01"
        return b"n,,\x01auth=Bearer " + self.credentials["token"] + b"\x01\x01"


class EndPointScram(SCRAM):
    """SCRAM with tls-server-end-point (RFC 5929 §4) where the library would bind tls-unique."""

    def process_1(self, challenge):
        certificate = peer.socket.getpeercert(binary_form=True)
        self.credentials["channel_binding"] = hashlib.sha256(certificate).digest()
        first = super().process_1(challenge)
        self.gs2_header = self.gs2_header.replace(b"tls-unique", b"tls-server-end-point")
        return first.replace(b"tls-unique", b"tls-server-end-point", 1)


if os.environ.get("PEER_BINDING") == "tls-server-end-point":
    sasl_mech(70)(EndPointScram)


class Peer(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(os.environ["PEER_JID"], os.environ["PEER_PASSWORD"])
        if "PEER_TOKEN" in os.environ:
            self.credentials["token"] = os.environ["PEER_TOKEN"]
        self.ca_certs = os.environ["PEER_AUTHORITY"]
        # The library verifies the chain; the name it leaves to us.
        self.ssl_context.check_hostname = True
        self.add_event_handler("session_start", self.on_session_start)
        self.add_event_handler("message", self.on_message)
        for event in ("connection_failed", "failed_all_auth", "stream_error", "ssl_invalid_chain"):
            self.add_event_handler(event, lambda reason, event=event: self.on_failure(event, reason))

    def log_in(self):
        direct = os.environ["PEER_TLS"] == "direct"
        host, port = os.environ["PEER_HOST"], int(os.environ["PEER_PORT"])
        self.connect((host, port), use_ssl=direct, force_starttls=not direct)

    def on_session_start(self, _event):
        self.send_presence()
        say("online", str(self.boundjid))

    def on_message(self, message):
        if message["body"]:
            say("message", str(message["from"]), encode(message["body"]))

    def on_failure(self, event, reason):
        say("failed", encode(f"{event}: {reason}"))
        # It would try again for ever.
        self.cancel_connection_attempt()

    def on_command(self, line):
        verb, to, body = line.split(" ")
        if verb == "send":
            self.send_message(mto=to, mbody=base64.b64decode(body).decode(), mtype="chat")


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


peer = Peer()


async def main():
    peer.log_in()
    # The default limit of 64 KiB is less than a long message in base64.
    commands = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := await commands.readline():
        peer.on_command(line.decode().strip())
    await peer.disconnect()


asyncio.get_event_loop().run_until_complete(main())
