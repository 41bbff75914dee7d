"""The line protocol of ../stanza-client.ts, spoken by slixmpp with stream management. Answers what clients are asked:
software version, time, last activity."""

import asyncio
import base64
import os
import sys
from xml.etree import ElementTree

import slixmpp
from slixmpp.stanza import Iq, Message, Presence
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

ANSWERS = {
    "{jabber:iq:version}query": "<query xmlns='jabber:iq:version'><name>Scripted</name><version>4.2</version></query>",
    "{urn:xmpp:time}time": "<time xmlns='urn:xmpp:time'><tzo>+05:45</tzo><utc>2026-11-23T12:00:00Z</utc></time>",
    "{jabber:iq:last}query": "<query xmlns='jabber:iq:last' seconds='903'/>",
}
STANZAS = {"{jabber:client}message": Message, "{jabber:client}presence": Presence, "{jabber:client}iq": Iq}


class Peer(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(os.environ["PEER_JID"], os.environ["PEER_PASSWORD"])
        self.ca_certs = os.environ["PEER_AUTHORITY"]
        self.ssl_context.check_hostname = True
        for plugin in ("xep_0030", "xep_0198", "xep_0199"):
            self.register_plugin(plugin)
        # The test asks for and grants subscriptions itself.
        self.auto_authorize = None
        self.auto_subscribe = False
        for name, answer in ANSWERS.items():
            matcher = MatchXPath(f"{{jabber:client}}iq/{name}")
            self.register_handler(Callback(name, matcher, lambda iq, answer=answer: self.on_question(iq, answer)))
        self.add_filter("in", self.on_stanza)
        self.add_event_handler("session_start", self.on_session_start)
        self.add_event_handler("disconnected", lambda _: say("lost"))
        self.add_event_handler("session_resumed", lambda _: say("resumed"))
        for event in ("failed_all_auth", "stream_error", "ssl_invalid_chain"):
            self.add_event_handler(event, lambda reason, event=event: self.on_failure(event, reason))

    def log_in(self):
        direct = os.environ["PEER_TLS"] == "direct"
        host, port = os.environ["PEER_HOST"], int(os.environ["PEER_PORT"])
        self.connect((host, port), use_ssl=direct, force_starttls=not direct)

    def on_session_start(self, _event):
        self.send_presence()
        say("online", str(self.boundjid))

    def on_stanza(self, stanza):
        if stanza.name in ("message", "presence", "iq"):
            say("stanza", encode(str(stanza)))
        return stanza

    def on_question(self, iq, answer):
        if iq["type"] == "get":
            reply = iq.reply(clear=True)
            reply.append(ElementTree.fromstring(answer))
            reply.send()

    def on_failure(self, event, reason):
        say("failed", encode(f"{event}: {reason}"))
        self.cancel_connection_attempt()

    def on_command(self, verb, text=""):
        if verb == "raw":
            xml = ElementTree.fromstring(base64.b64decode(text).decode())
            # As a stanza of the library: what is sent raw, stream management does not count.
            if xml.tag in STANZAS:
                STANZAS[xml.tag](self, xml=xml).send()
            else:
                self.send_raw(base64.b64decode(text).decode())
        elif verb == "resume":
            self.log_in()


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


async def main():
    peer = Peer()
    peer.log_in()
    commands = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := await commands.readline():
        peer.on_command(*line.decode().split())
    await peer.disconnect()


asyncio.get_event_loop().run_until_complete(main())
