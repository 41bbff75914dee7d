"""The line protocol of ../stanza-client.ts, spoken by slixmpp with stream management. Answers what clients are asked:
software version, time, last activity."""

from xml.etree import ElementTree

from slixmpp.stanza import Iq, Message, Presence
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from peer import Peer, decode, run, say

ANSWERS = {
    "{jabber:iq:version}query": "<query xmlns='jabber:iq:version'><name>Scripted</name><version>4.2</version></query>",
    "{urn:xmpp:time}time": "<time xmlns='urn:xmpp:time'><tzo>+05:45</tzo><utc>2026-11-23T12:00:00Z</utc></time>",
    "{jabber:iq:last}query": "<query xmlns='jabber:iq:last' seconds='903'/>",
}
STANZAS = {"{jabber:client}message": Message, "{jabber:client}presence": Presence, "{jabber:client}iq": Iq}


class Scripted(Peer):
    # A connection that fails is tried again: the test cuts it, and wants it resumed.
    failures = ("failed_all_auth", "stream_error", "ssl_invalid_chain")

    def __init__(self):
        super().__init__("xep_0030", "xep_0198", "xep_0199")
        # The test asks for and grants subscriptions itself.
        self.auto_authorize = None
        self.auto_subscribe = False
        for name, answer in ANSWERS.items():
            matcher = MatchXPath(f"{{jabber:client}}iq/{name}")
            self.register_handler(Callback(name, matcher, lambda iq, answer=answer: self.on_question(iq, answer)))
        self.add_filter("in", self.on_stanza)
        self.add_event_handler("disconnected", lambda _: say("lost"))
        self.add_event_handler("session_resumed", lambda _: say("resumed"))

    def on_question(self, iq, answer):
        if iq["type"] == "get":
            reply = iq.reply(clear=True)
            reply.append(ElementTree.fromstring(answer))
            reply.send()

    def on_command(self, verb, text=""):
        if verb == "raw":
            xml = ElementTree.fromstring(decode(text))
            # As a stanza of the library: what is sent raw, stream management does not count.
            if xml.tag in STANZAS:
                STANZAS[xml.tag](self, xml=xml).send()
            else:
                self.send_raw(decode(text))
        elif verb == "resume":
            self.log_in()


run(Scripted())
