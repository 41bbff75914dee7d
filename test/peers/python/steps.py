"""slixmpp with its plugins for what the table asks (../table/program.ts), on the line protocol of ../client.ts."""

import io
import os

# Where the library's HTTP takes its authorities from.
os.environ["SSL_CERT_FILE"] = os.environ["PEER_AUTHORITY"]

from answers import Answers  # noqa: E402
from peer import Peer, decode, encode, run, say  # noqa: E402

UPLOAD = "urn:xmpp:http:upload:0"


class Client(Peer):
    online = False

    def __init__(self):
        super().__init__("xep_0030", "xep_0045", "xep_0059", "xep_0199", "xep_0313", "xep_0363")
        self.answers = Answers(join=self.join, say=self.say, upload=self.upload, archive=self.archive)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("session_resumed", lambda _event: self.answers.came_back("resumed"))

    def on_session_start(self, event):
        if self.online:
            self.answers.came_back("again")
        self.online = True
        super().on_session_start(event)

    def on_message(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            say("message", str(message["from"]), encode(message["body"]))

    def on_command(self, verb, *words):
        if verb == "send":
            self.send_message(mto=words[0], mbody=decode(words[1]), mtype="chat")
        elif verb == "ask":
            self.answers.ask(*words)

    async def join(self, room, nick):
        await self["xep_0045"].join_muc_wait(room.decode(), nick.decode())
        return []

    async def say(self, room, body):
        self.send_message(mto=room.decode(), mbody=body.decode(), mtype="groupchat")
        return []

    async def upload(self, name, content):
        # Its own search for the service fails in Python 3.11.
        self["xep_0363"].upload_service = await self.upload_service()
        file = io.BytesIO(content)
        return [await self["xep_0363"].upload_file(name.decode(), len(content), input_file=file)]

    async def upload_service(self):
        items = await self["xep_0030"].get_items(jid=self.boundjid.domain)
        for jid, *_ in [(self.boundjid.domain,), *items["disco_items"]["items"]]:
            info = await self["xep_0030"].get_info(jid=str(jid))
            if UPLOAD in info["disco_info"]["features"]:
                return jid
        raise LookupError("no upload service")

    async def archive(self, contact):
        results = self["xep_0313"].iterate(with_jid=contact.decode())
        messages = [result["mam_result"]["forwarded"]["stanza"] async for result in results]
        return [message["body"] for message in messages if message["body"]]


run(Client())
