"""What the clients of slixmpp here have in common: how they log in and speak with the test (../client.ts)."""

import asyncio
import base64
import os
import sys

import slixmpp


class Peer(slixmpp.ClientXMPP):
    """A program has its own `on_command(verb, *words)`."""

    leaving = False
    failures = ("connection_failed", "failed_all_auth", "stream_error", "ssl_invalid_chain")

    def __init__(self, *plugins):
        super().__init__(os.environ["PEER_JID"], os.environ["PEER_PASSWORD"])
        self.ca_certs = os.environ["PEER_AUTHORITY"]
        # The library verifies the chain; the name it leaves to us.
        self.ssl_context.check_hostname = True
        for plugin in plugins:
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_session_start)
        if "PEER_RECONNECT" in os.environ:
            self.connect_again()
            return
        for event in self.failures:
            self.add_event_handler(event, lambda reason, event=event: self.on_failure(event, reason))

    def connect_again(self):
        """Stays online: the library resumes a stream, and leaves connecting to the program."""
        self.register_plugin("xep_0198")
        self.add_event_handler("disconnected", lambda _event: None if self.leaving else self.log_in())

    def log_in(self):
        direct = os.environ["PEER_TLS"] == "direct"
        host, port = os.environ["PEER_HOST"], int(os.environ["PEER_PORT"])
        self.connect((host, port), use_ssl=direct, force_starttls=not direct)

    def on_session_start(self, _event):
        self.send_presence()
        say("online", str(self.boundjid))

    def on_stanza(self, stanza):
        """A filter: tells the test what comes in."""
        if stanza.name in ("message", "presence", "iq"):
            say("stanza", encode(str(stanza)))
        return stanza

    def on_failure(self, event, reason):
        say("failed", encode(f"{event}: {reason}"))
        # It would try again for ever.
        self.cancel_connection_attempt()

    async def speak(self):
        """Until the end of input, which logs it out."""
        self.log_in()
        # The default limit of 64 KiB is less than a long message in base64.
        commands = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
        )
        while line := await commands.readline():
            self.on_command(*line.decode().split())
        self.leaving = True
        await self.disconnect()


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def run(peer):
    asyncio.get_event_loop().run_until_complete(peer.speak())
