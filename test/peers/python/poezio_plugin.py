"""The line protocol of ../client.ts, with the verbs of ../table/program.ts, spoken by a plugin of poezio, which calls what
poezio's commands call."""

import asyncio
import logging

from poezio.mam import get_mam_iterator
from poezio.plugin import BasePlugin
from poezio.tabs import MucTab
from slixmpp import JID
from terminal import decode, encode, plugin_input, say

log = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 15
MESSAGES_PER_PAGE = 50


class Plugin(BasePlugin):
    """poezio loads its plugins when the session starts, before it sends its presence."""

    def init(self):
        self.lines = plugin_input()
        self.online = False
        self.returns = asyncio.Queue()
        # Own presence comes back, so that messages will, too.
        self.awaits_presence = True
        asyncio.get_event_loop().add_reader(self.lines, self.on_lines)
        self.api.add_event_handler("conversation_msg", self.on_message)
        events = {
            "presence_available": self.on_presence,
            "session_start": self.on_session_start,
            "session_resumed": lambda _: self.returns.put_nowait("resumed"),
        }
        for event, handler in events.items():
            self.core.xmpp.add_event_handler(event, handler)

    def on_session_start(self, _event):
        self.awaits_presence = True

    def on_presence(self, presence):
        own = self.core.xmpp.boundjid
        if not self.awaits_presence or presence["from"] != own:
            return
        self.awaits_presence = False
        if self.online:
            self.returns.put_nowait("again")
        else:
            self.online = True
            say("online", own.full)

    def on_message(self, message, _tab):
        # What it sends goes through here, too.
        if message["body"] and message["from"].bare != self.core.xmpp.boundjid.bare:
            say("message", message["from"].full, encode(message["body"]))

    def on_lines(self):
        for verb, *words in map(str.split, self.lines.read()):
            if verb == "send":
                asyncio.create_task(self.send(words[0], decode(words[1])))
            if verb == "ask":
                asyncio.create_task(self.answer(*words))
        if self.lines.ended:
            asyncio.get_event_loop().remove_reader(self.lines)
            self.core.command.quit("")

    async def send(self, to, body):
        await self.core.command.message(to)
        await self.core.tabs.current_tab.command_say(body)

    async def answer(self, number, verb, *words):
        questions = {
            "archive": self.archive,
            "back": self.back,
            "join": self.join,
            "say": self.say,
        }
        try:
            words = await questions[verb](*words)
            say("done", number, *map(encode, words))
        except Exception as reason:
            log.exception("refused: %s", verb)
            say("refused", number, encode(repr(reason)))

    async def back(self):
        return [await self.returns.get()]

    async def join(self, room, nick):
        room, nick = decode(room), decode(nick)
        joined = asyncio.Event()
        event = f"muc::{room}::self-presence"
        self.core.xmpp.add_event_handler(event, lambda _: joined.set(), disposable=True)
        await self.core.command.join(f"{room}/{nick}")
        await asyncio.wait_for(joined.wait(), JOIN_TIMEOUT_S)
        return []

    async def say(self, room, body):
        tab = self.core.tabs.by_name_and_class(decode(room), MucTab)
        await tab.command_say(decode(body))
        return []

    async def archive(self, contact):
        pages = await get_mam_iterator(
            self.core, False, JID(decode(contact)), MESSAGES_PER_PAGE, reverse=False
        )
        return [
            result["mam_result"]["forwarded"]["stanza"]["body"]
            async for page in pages
            for result in page["mam"]["results"]
        ]
