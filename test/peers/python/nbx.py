"""The line protocol of ../client.ts, spoken by nbxmpp, Gajim's library."""

import base64
import os
import sys

import gi

gi.require_version("Soup", "3.0")

from gi.repository import GLib  # noqa: E402
from nbxmpp.client import Client  # noqa: E402
from nbxmpp.const import ConnectionProtocol, ConnectionType  # noqa: E402
from nbxmpp.protocol import JID, Message, Presence  # noqa: E402
from nbxmpp.structs import StanzaHandler  # noqa: E402

# As Gajim does after a lost connection, but for its random part.
RECONNECT_SECONDS = 1


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


class Peer:
    def __init__(self):
        self.loop = GLib.MainLoop()
        self.leaving = False
        # The library would send a message before it has authenticated.
        self.online = False
        user, domain = os.environ["PEER_JID"].split("@")
        direct = os.environ["PEER_TLS"] == "direct"
        kind = ConnectionType.DIRECT_TLS if direct else ConnectionType.START_TLS
        host = f"{os.environ['PEER_HOST']}:{os.environ['PEER_PORT']}"
        self.client = Client()
        self.client.set_username(user)
        self.client.set_domain(domain)
        self.client.set_password(os.environ["PEER_PASSWORD"])
        self.client.set_custom_host(host, ConnectionProtocol.TCP, kind)
        # It trusts the authorities of the system and no other.
        self.client.set_ignore_tls_errors(True)
        for signal in ("connected", "connection-failed", "disconnected", "resume-successful"):
            self.client.subscribe(signal, getattr(self, "on_" + signal.replace("-", "_")))
        self.client.register_handler(StanzaHandler(name="message", callback=self.on_message))
        GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, self.on_input)
        self.client.connect()

    def on_connected(self, *_args):
        self.online = True
        self.client.send_stanza(Presence())
        say("online", str(self.client.get_bound_jid()))

    def on_resume_successful(self, *_args):
        self.online = True

    def on_connection_failed(self, *_args):
        self.on_disconnected()

    def on_disconnected(self, *_args):
        self.online = False
        if self.leaving:
            self.loop.quit()
        elif "PEER_RECONNECT" in os.environ:
            GLib.timeout_add_seconds(RECONNECT_SECONDS, self.client.connect)
        else:
            say("failed", encode(f"disconnected: {self.client.get_error()}"))

    def on_message(self, _client, stanza, _properties):
        if stanza.getBody():
            say("message", str(stanza.getFrom()), encode(stanza.getBody()))

    def on_input(self, _source, _condition):
        line = sys.stdin.readline()
        if not line:
            self.leaving = True
            self.client.disconnect()
            return False
        verb, to, body = line.split()
        if verb == "send" and self.online:
            self.client.send_stanza(Message(to=JID.from_string(to), body=decode(body), typ="chat"))
        return True


Peer().loop.run()
