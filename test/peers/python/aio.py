"""The line protocol of ../client.ts, spoken by aioxmpp."""

import asyncio
import base64
import os
import sys

# OpenSSL reads its authorities from here, and from nowhere else once both are set.
os.environ["SSL_CERT_FILE"] = os.environ["PEER_AUTHORITY"]
os.environ["SSL_CERT_DIR"] = os.path.dirname(os.environ["PEER_AUTHORITY"])

import aiosasl  # noqa: E402
import aioxmpp  # noqa: E402
import aioxmpp.connector  # noqa: E402
import aioxmpp.dispatcher  # noqa: E402
import aioxmpp.sasl  # noqa: E402
import aioxmpp.security_layer  # noqa: E402
from aiosasl.channel_binding import TLSServerEndPoint  # noqa: E402


class EndPointProvider(aioxmpp.security_layer.SASLProvider):
    """SCRAM-…-PLUS with tls-server-end-point and nothing else. Both are those of the library, which leaves the choice to the
    program."""

    async def execute(self, client_jid, features, xmlstream, tls_transport):
        async def credentials():
            return client_jid.localpart, os.environ["PEER_PASSWORD"]

        mechanism, token = self._find_supported(features, [aiosasl.SCRAMPLUS])
        if mechanism is None:
            return False
        binding = TLSServerEndPoint(tls_transport.get_extra_info("ssl_object"))
        interface = aioxmpp.sasl.SASLXMPPInterface(xmlstream)
        return await self._execute(interface, mechanism(credentials, binding), token)


def security_layer():
    layer = aioxmpp.make_security_layer(os.environ["PEER_PASSWORD"])
    if os.environ.get("PEER_BINDING") != "tls-server-end-point":
        return layer
    return layer._replace(sasl_providers=[EndPointProvider()])


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def connector():
    if os.environ["PEER_TLS"] == "direct":
        return aioxmpp.connector.XMPPOverTLSConnector()
    return aioxmpp.connector.STARTTLSConnector()


def on_message(message):
    body = message.body.any() if message.body else None
    if body:
        say("message", str(message.from_), encode(body))


def on_failure(error):
    say("failed", encode(f"{type(error).__name__}: {error}"))


def send(client, to, body):
    message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT, to=aioxmpp.JID.fromstr(to))
    message.body[None] = decode(body)
    try:
        client.enqueue(message)
    except ConnectionError:
        # It is not online. The test asks again.
        pass


async def main():
    peer = (os.environ["PEER_HOST"], int(os.environ["PEER_PORT"]), connector())
    client = aioxmpp.PresenceManagedClient(
        aioxmpp.JID.fromstr(os.environ["PEER_JID"]),
        security_layer(),
        override_peer=[peer],
        max_initial_attempts=1,
    )
    client.on_failure.connect(on_failure)
    messages = client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
    messages.register_callback(aioxmpp.MessageType.CHAT, None, on_message)
    # The default limit of 64 KiB is less than a long message in base64.
    commands = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    # It logs in, sends its presence, and logs out at the end of input.
    async with client.connected():
        say("online", str(client.local_jid))
        while line := await commands.readline():
            verb, *words = line.decode().split()
            if verb == "send":
                send(client, *words)


asyncio.run(main())
