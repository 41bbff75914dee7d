"""What the clients of slixmpp here have in common: how they log in and speak with the test (../client.ts)."""

import asyncio
import base64
import os
import sys
import time

import slixmpp

# Between two attempts to connect.
RECONNECT_SECONDS = 1


class Peer(slixmpp.ClientXMPP):
    """A program has its own `on_command(verb, *words)`."""

    leaving = False
    last_attempt = 0
    failures = ("connection_failed", "failed_all_auth", "stream_error", "ssl_invalid_chain")

    def __init__(self, *plugins, jid=None):
        super().__init__(jid or os.environ["PEER_JID"], os.environ["PEER_PASSWORD"])
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
        self.add_event_handler("disconnected", lambda _event: self.on_disconnected())

    def on_disconnected(self):
        """Connects at once, but not twice in a second."""
        if not self.leaving:
            wait = self.last_attempt + RECONNECT_SECONDS - time.monotonic()
            asyncio.get_running_loop().call_later(max(0, wait), self.log_in)

    def log_in(self):
        self.last_attempt = time.monotonic()
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
        async for words in commands():
            self.on_command(*words)
        self.leaving = True
        await self.disconnect()


async def commands():
    """The words of each line of the input."""
    # The default limit of 64 KiB is less than a long message in base64.
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().split()


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def run(peer):
    asyncio.get_event_loop().run_until_complete(peer.speak())
