"""The line protocol of ../client.ts, spoken by aioxmpp, with what the library has of the steps of ../table/program.ts."""

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
import aioxmpp.httpupload  # noqa: E402
import aioxmpp.sasl  # noqa: E402
import aioxmpp.security_layer  # noqa: E402
from aiosasl.channel_binding import TLSServerEndPoint  # noqa: E402

from answers import Answers, put  # noqa: E402


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


class Steps:
    def __init__(self, client):
        self.client = client
        self.rooms = {}

    async def join(self, room, nick):
        service = self.client.summon(aioxmpp.MUCClient)
        joined, entered = service.join(aioxmpp.JID.fromstr(room.decode()), nick.decode())
        await entered
        self.rooms[room] = joined
        return []

    async def say(self, room, body):
        message = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
        message.body[None] = body.decode()
        await self.rooms[room].send_message(message)
        return []

    async def upload(self, name, content):
        kind = "image/png"
        service = await self.upload_service()
        slot = await aioxmpp.httpupload.request_slot(self.client, service, name.decode(), len(content), kind)
        await put(slot.put.url, {"Content-Type": kind, **slot.put.headers}, content)
        return [slot.get.url]

    async def upload_service(self):
        disco = self.client.summon(aioxmpp.DiscoClient)
        domain = self.client.local_jid.replace(localpart=None, resource=None)
        items = await disco.query_items(domain)
        for jid in [domain, *(item.jid for item in items.items)]:
            info = await disco.query_info(jid)
            if aioxmpp.httpupload.xso.namespaces.xep0363_http_upload in info.features:
                return jid
        raise LookupError("no upload service")


async def main():
    peer = (os.environ["PEER_HOST"], int(os.environ["PEER_PORT"]), connector())
    client = aioxmpp.PresenceManagedClient(
        aioxmpp.JID.fromstr(os.environ["PEER_JID"]),
        security_layer(),
        override_peer=[peer],
        max_initial_attempts=1,
    )
    steps = Steps(client)
    # The services that are wanted later have to be there before it connects.
    client.summon(aioxmpp.MUCClient)
    client.summon(aioxmpp.DiscoClient)
    answers = Answers(join=steps.join, say=steps.say, upload=steps.upload)
    client.on_stream_resumed.connect(lambda: answers.came_back("resumed"))
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
        client.on_stream_established.connect(lambda: answers.came_back("again"))
        while line := await commands.readline():
            verb, *words = line.decode().split()
            if verb == "send":
                send(client, *words)
            elif verb == "ask":
                answers.ask(*words)


asyncio.run(main())
