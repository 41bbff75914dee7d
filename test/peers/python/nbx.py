"""The line protocol of ../client.ts, spoken by nbxmpp, Gajim's library, with the steps of ../table/program.ts."""

import base64
import os
import sys

import gi

gi.require_version("Soup", "3.0")

from gi.repository import GLib  # noqa: E402
from nbxmpp.client import Client  # noqa: E402
from nbxmpp.const import ConnectionProtocol, ConnectionType  # noqa: E402
from nbxmpp.namespaces import Namespace  # noqa: E402
from nbxmpp.protocol import JID, Message, Presence  # noqa: E402
from nbxmpp.structs import StanzaHandler  # noqa: E402

from answers import put_now  # noqa: E402

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
        self.was_online = False
        # Questions that wait: for presences from rooms by occupant, and for coming back.
        self.joining = {}
        self.returns = []
        self.waiting = []
        self.kept = {}
        self.callbacks = []
        user, domain = os.environ["PEER_JID"].split("@")
        mode, port = os.environ["PEER_TLS"], os.environ["PEER_PORT"]
        kind = ConnectionType.START_TLS if mode == "starttls" else ConnectionType.DIRECT_TLS
        host, protocol = f"{os.environ['PEER_HOST']}:{port}", ConnectionProtocol.TCP
        if mode == "websocket":
            host, protocol = f"wss://{domain}:{port}/xmpp-websocket", ConnectionProtocol.WEBSOCKET
        self.client = Client()
        self.client.set_username(user)
        self.client.set_domain(domain)
        self.client.set_password(os.environ["PEER_PASSWORD"])
        self.client.set_custom_host(host, protocol, kind)
        # It trusts the authorities of the system and no other.
        self.client.set_ignore_tls_errors(True)
        for signal in ("connected", "connection-failed", "disconnected", "resume-successful"):
            self.client.subscribe(signal, getattr(self, "on_" + signal.replace("-", "_")))
        self.client.register_handler(StanzaHandler(name="message", callback=self.on_message))
        self.client.register_handler(StanzaHandler(name="presence", callback=self.on_presence))
        GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, self.on_input)
        self.client.connect()

    def on_connected(self, *_args):
        self.online = True
        self.client.send_stanza(Presence())
        if self.was_online:
            self.came_back("again")
        self.was_online = True
        say("online", str(self.client.get_bound_jid()))

    def on_resume_successful(self, *_args):
        self.online = True
        self.came_back("resumed")

    def came_back(self, how):
        self.returns.append(how)
        self.tell_returns()

    def tell_returns(self):
        while self.waiting and self.returns:
            say("done", self.waiting.pop(0), encode(self.returns.pop(0)))

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

    def on_presence(self, _client, stanza, _properties):
        number = self.joining.pop(str(stanza.getFrom()), None)
        if number is None:
            return
        if stanza.getType() == "error":
            say("refused", number, encode(str(stanza)))
        else:
            say("done", number)

    def on_message(self, _client, stanza, properties):
        if properties.is_mam_message:
            parties = {str(jid).split("/")[0] for jid in (stanza.getFrom(), stanza.getTo())}
            self.kept.setdefault(properties.mam.query_id, []).append((parties, properties.body))
        elif stanza.getBody() and stanza.getType() != "groupchat":
            say("message", str(stanza.getFrom()), encode(stanza.getBody()))

    def on_input(self, _source, _condition):
        line = sys.stdin.readline()
        if not line:
            self.leaving = True
            self.client.disconnect()
            return False
        verb, *words = line.split()
        if verb == "send" and self.online:
            self.send(words[0], decode(words[1]), "chat")
        elif verb == "ask":
            number, step, *more = words
            try:
                getattr(self, f"ask_{step}")(number, *(base64.b64decode(word) for word in more))
            except Exception as error:
                say("refused", number, encode(repr(error)))
        return True

    def send(self, to, body, kind):
        self.client.send_stanza(Message(to=JID.from_string(to), body=body, typ=kind))

    def ask_back(self, number):
        self.waiting.append(number)
        self.tell_returns()

    def ask_join(self, number, room, nick):
        occupant = f"{room.decode()}/{nick.decode()}"
        self.joining[occupant] = number
        presence = Presence(to=JID.from_string(occupant))
        presence.addChild("x", namespace=Namespace.MUC)
        self.client.send_stanza(presence)

    def ask_say(self, number, room, body):
        self.send(room.decode(), body.decode(), "groupchat")
        say("done", number)

    def ask_archive(self, number, contact):
        def on_answer(task):
            task.finish()
            kept = self.kept.pop(number, [])
            say("done", number, *(encode(body) for parties, body in kept if body and contact.decode() in parties))

        # As Gajim does: of everything. This version fails at a query with one contact.
        own = self.client.get_bound_jid().new_as_bare()
        mam = self.client.get_module("MAM")
        self.answering(number, mam.make_query, own, number, done=on_answer)

    def ask_upload(self, number, name, content):
        kind = "image/png"

        def on_service(service):
            request = self.client.get_module("HTTPUpload").request_slot
            self.answering(number, request, service, name.decode(), len(content), kind, done=on_slot)

        def on_slot(task):
            slot = task.finish()
            put_now(slot.put_uri, {"Content-Type": kind, **slot.headers}, content)
            say("done", number, encode(slot.get_uri))

        self.find_upload(number, on_service)

    def find_upload(self, number, found):
        """XEP-0363 §3, as Gajim does: the items of the server, one after the other."""
        disco = self.client.get_module("Discovery")
        domain = self.client.get_bound_jid().domain

        def on_items(task):
            look([item.jid for item in task.finish().items])

        def look(jids):
            if not jids:
                raise LookupError("no upload service")
            self.answering(number, disco.disco_info, jids[0], done=lambda task: on_info(task, jids))

        def on_info(task, jids):
            info = task.finish()
            if info.has_httpupload:
                found(info.jid)
            else:
                look(jids[1:])

        self.answering(number, disco.disco_items, domain, done=on_items)

    def answering(self, number, request, *args, done, **kwargs):
        """Asks the server, and refuses the question where what comes of it fails."""

        def on_done(task):
            try:
                done(task)
            except Exception as error:
                say("refused", number, encode(repr(error)))

        # The library holds its callbacks weakly.
        self.callbacks.append(on_done)
        request(*args, callback=on_done, **kwargs)


Peer().loop.run()
