"""Logs in with slixmpp, says one thing, prints what comes back as a JSON line, logs out.

Usage: slixmpp-client.py HOST PORT starttls|direct CA JID PASSWORD PEER BODY [MECHANISM]
"""

import asyncio
import json
import sys

import slixmpp

host, port, tls, ca, jid, password, peer, body = sys.argv[1:9]
mechanism = sys.argv[9] if len(sys.argv) > 9 else None


async def main():
    client = slixmpp.ClientXMPP(jid, password, sasl_mech=mechanism)
    client.ca_certs = ca
    answered = asyncio.get_running_loop().create_future()

    async def start(_):
        await client.get_roster()
        client.send_presence()
        print(json.dumps({"online": client.boundjid.full}), flush=True)
        client.send_message(peer, body, mtype="chat")

    def message(stanza):
        print(json.dumps({"from": stanza["from"].full, "body": stanza["body"]}), flush=True)
        if not answered.done():
            answered.set_result(None)

    client.add_event_handler("session_start", start)
    client.add_event_handler("message", message)
    client.connect((host, int(port)), use_ssl=tls == "direct", force_starttls=tls == "starttls")
    await asyncio.wait_for(answered, 15)
    await client.disconnect()


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
