"""A client whose capabilities are those of slixmpp's own plugins, and which verifies those of others (XEP-0115 §5.4).

The environment is that of ../client.ts; PEER_FEATURES lists further features, separated by spaces.

  program → test   online FULL-JID  |  stanza BASE64-XML  |  verified VER  |  rejected VER  |  failed BASE64-REASON
  test → program   raw BASE64-XML; the end of input logs the client out
"""

import os

from peer import Peer, decode, run, say


class Capable(Peer):
    def __init__(self):
        super().__init__("xep_0030", "xep_0115", "xep_0199")
        self.add_filter("in", self.on_stanza)
        validate = self["xep_0115"]._validate_caps

        async def watched(info, algorithm, ver):
            holds = await validate(info, algorithm, ver)
            say("verified" if holds else "rejected", ver)
            return holds

        self["xep_0115"]._validate_caps = watched

    async def on_session_start(self, event):
        # Not before: slixmpp keeps what it says by the full JID.
        for feature in os.environ.get("PEER_FEATURES", "").split():
            self["xep_0030"].add_feature(feature)
        await self["xep_0115"].update_caps(broadcast=False)
        super().on_session_start(event)

    def on_command(self, verb, xml):
        if verb == "raw":
            self.send_raw(decode(xml))


run(Capable())
