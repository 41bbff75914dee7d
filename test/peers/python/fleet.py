"""The line protocol of ../fleet.ts, spoken by slixmpp for many users."""

import asyncio
import os

from peer import Peer, commands, decode, encode, say

# Of a whole login: TLS, SCRAM and binding.
LOGINS_AT_ONCE = 8


class Member(Peer):
    def __init__(self, user, domain, silent):
        super().__init__(jid=f"{user}@{domain}")
        self.user = user
        self.online = asyncio.Event()
        if not silent:
            self.register_plugin("xep_0199", {"keepalive": True, "interval": 60, "timeout": 30})
        self.add_event_handler("message", self.on_message)

    def on_session_start(self, _event):
        self.send_presence()
        if not self.online.is_set():
            self.online.set()
            say("online", self.user)

    def on_message(self, message):
        if message["body"]:
            say("message", self.user, encode(message["body"]))


async def log_in(member, turn):
    async with turn:
        member.log_in()
        await member.online.wait()


async def main():
    domain = os.environ["PEER_JID"].split("@")[1]
    # One in three asks the server whether it is there (XEP-0199); the others send white space every five minutes.
    members = {
        user: Member(user, domain, silent=index % 3 != 0)
        for index, user in enumerate(os.environ["PEER_USERS"].split(","))
    }
    turn = asyncio.Semaphore(LOGINS_AT_ONCE)
    logins = asyncio.gather(*(log_in(member, turn) for member in members.values()))
    async for _verb, user, to, body in commands():
        members[user].send_message(mto=to, mbody=decode(body), mtype="chat")
    logins.cancel()
    for member in members.values():
        member.leaving = True
    await asyncio.gather(*(member.disconnect() for member in members.values()))


asyncio.get_event_loop().run_until_complete(main())
