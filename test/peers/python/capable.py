"""A client whose capabilities are those of slixmpp's own plugins, and which verifies those of others (XEP-0115 §5.4).

The environment is that of ../client.ts; PEER_FEATURES lists further features, separated by spaces.

  program → test   online FULL-JID  |  stanza BASE64-XML  |  verified VER  |  rejected VER  |  failed BASE64-REASON
  test → program   raw BASE64-XML; the end of input logs the client out
"""

import asyncio
import base64
import os
import sys

import slixmpp


class Peer(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(os.environ["PEER_JID"], os.environ["PEER_PASSWORD"])
        self.ca_certs = os.environ["PEER_AUTHORITY"]
        self.ssl_context.check_hostname = True
        for plugin in ("xep_0030", "xep_0115", "xep_0199"):
            self.register_plugin(plugin)
        self.add_filter("in", self.on_stanza)
        self.add_event_handler("session_start", self.on_session_start)
        for event in ("connection_failed", "failed_all_auth", "stream_error", "ssl_invalid_chain"):
            self.add_event_handler(event, lambda reason, event=event: self.on_failure(event, reason))
        validate = self["xep_0115"]._validate_caps

        async def watched(info, algorithm, ver):
            holds = await validate(info, algorithm, ver)
            say("verified" if holds else "rejected", ver)
            return holds

        self["xep_0115"]._validate_caps = watched

    def log_in(self):
        direct = os.environ["PEER_TLS"] == "direct"
        host, port = os.environ["PEER_HOST"], int(os.environ["PEER_PORT"])
        self.connect((host, port), use_ssl=direct, force_starttls=not direct)

    async def on_session_start(self, _event):
        # Not before: slixmpp keeps what it says by the full JID.
        for feature in os.environ.get("PEER_FEATURES", "").split():
            self["xep_0030"].add_feature(feature)
        await self["xep_0115"].update_caps(broadcast=False)
        self.send_presence()
        say("online", str(self.boundjid))

    def on_stanza(self, stanza):
        if stanza.name in ("message", "presence", "iq"):
            say("stanza", encode(str(stanza)))
        return stanza

    def on_failure(self, event, reason):
        say("failed", encode(f"{event}: {reason}"))
        self.cancel_connection_attempt()

    def on_command(self, line):
        verb, xml = line.split(" ")
        if verb == "raw":
            self.send_raw(base64.b64decode(xml).decode())


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
        peer.on_command(line.decode().strip())
    await peer.disconnect()


asyncio.get_event_loop().run_until_complete(main())
