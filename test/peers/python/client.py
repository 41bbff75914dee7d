"""The line protocol of ../client.ts, spoken by slixmpp."""

import hashlib
import os

from slixmpp.util.sasl.client import Mech, sasl_mech
from slixmpp.util.sasl.mechanisms import SCRAM

from peer import Peer, decode, encode, run, say


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
        certificate = client.socket.getpeercert(binary_form=True)
        self.credentials["channel_binding"] = hashlib.sha256(certificate).digest()
        first = super().process_1(challenge)
        self.gs2_header = self.gs2_header.replace(b"tls-unique", b"tls-server-end-point")
        return first.replace(b"tls-unique", b"tls-server-end-point", 1)


if os.environ.get("PEER_BINDING") == "tls-server-end-point":
    sasl_mech(70)(EndPointScram)


class Client(Peer):
    def __init__(self):
        super().__init__()
        if "PEER_TOKEN" in os.environ:
            self.credentials["token"] = os.environ["PEER_TOKEN"]
        self.add_event_handler("message", self.on_message)

    def on_message(self, message):
        if message["body"]:
            say("message", str(message["from"]), encode(message["body"]))

    def on_command(self, verb, to, body=""):
        if verb == "send":
            self.send_message(mto=to, mbody=decode(body), mtype="chat")


client = Client()
run(client)
