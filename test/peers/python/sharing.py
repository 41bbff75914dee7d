"""A client that shares files: uploads them to its server (XEP-0363) and sends what tells of them, out of band (XEP-0066,
by slixmpp's own plugin), stateless (XEP-0447 with the metadata of XEP-0446) and as SIMS (XEP-0385), which the library is
taught here. Types are guessed from names and sizes and hashes taken of the files, as clients do.

  program → test   online FULL-JID  |  stanza BASE64-XML  |  shared ID URL  |  unshared BASE64-REASON  |  failed BASE64-REASON
  test → program   share TO BASE64-PATH  |  raw BASE64-XML; the end of input logs the client out
"""

import asyncio
import base64
import hashlib
import mimetypes
import os
import ssl
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

from slixmpp.plugins.xep_0300 import Hash
from slixmpp.stanza import Message
from slixmpp.xmlstream import ElementBase, register_stanza_plugin

from peer import Peer, decode, encode, run, say

UPLOAD = "urn:xmpp:http:upload:0"


class Metadata(ElementBase):
    name, namespace, plugin_attrib = "file", "urn:xmpp:file:metadata:0", "file"
    interfaces = sub_interfaces = {"media-type", "name", "size"}


class FileSharing(ElementBase):
    name, namespace, plugin_attrib = "file-sharing", "urn:xmpp:sfs:0", "file_sharing"
    interfaces = {"disposition"}


class JingleFile(ElementBase):
    name, namespace, plugin_attrib = "file", "urn:xmpp:jingle:apps:file-transfer:5", "file"
    interfaces = sub_interfaces = {"media-type", "name", "size"}


class MediaSharing(ElementBase):
    name, namespace, plugin_attrib = "media-sharing", "urn:xmpp:sims:1", "media_sharing"


class Reference(ElementBase):
    name, namespace, plugin_attrib = "reference", "urn:xmpp:reference:0", "reference"
    interfaces = {"type", "uri"}


register_stanza_plugin(Message, FileSharing)
register_stanza_plugin(FileSharing, Metadata)
register_stanza_plugin(Metadata, Hash)
register_stanza_plugin(Message, Reference)
register_stanza_plugin(Reference, MediaSharing)
register_stanza_plugin(MediaSharing, JingleFile)


class Sharing(Peer):
    def __init__(self):
        super().__init__("xep_0030", "xep_0066", "xep_0199", "xep_0300")
        self.add_filter("in", self.on_stanza)
        self.tasks = set()

    def on_command(self, verb, *words):
        if verb == "raw":
            self.send_raw(decode(words[0]))
        elif verb == "share":
            task = asyncio.ensure_future(self.share(words[0], Path(decode(words[1]))))
            self.tasks.add(task)
            task.add_done_callback(self.on_shared)

    def on_shared(self, task):
        self.tasks.discard(task)
        if task.exception() is not None:
            say("unshared", encode(repr(task.exception())))

    async def share(self, to, path):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        url = await self.upload(path, content, kind)
        message = self.make_message(mto=to, mtype="chat", mbody=url)
        message["id"] = self.new_id()
        message["oob"]["url"] = url
        described = {"media-type": kind, "name": path.name, "size": str(len(content))}
        metadata = message["file_sharing"]["file"]
        message["file_sharing"]["disposition"] = "inline"
        message["reference"]["type"] = "data"
        simple = message["reference"]["media_sharing"]["file"]
        for name, value in described.items():
            metadata[name] = value
            simple[name] = value
        metadata["hash"]["algo"] = "sha-256"
        metadata["hash"]["value"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
        for holder in (message["file_sharing"], message["reference"]["media_sharing"]):
            sources = ElementTree.SubElement(holder.xml, f"{{{holder.namespace}}}sources")
            if holder.name == "file-sharing":
                ElementTree.SubElement(sources, "{http://jabber.org/protocol/url-data}url-data", {"target": url})
            else:
                ElementTree.SubElement(sources, "{urn:xmpp:reference:0}reference", {"type": "data", "uri": url})
        message.send()
        say("shared", message["id"], url)

    async def upload(self, path, content, kind):
        iq = self.make_iq_get(ito=await self.upload_service())
        attributes = {"filename": path.name, "size": str(len(content)), "content-type": kind}
        iq.append(ElementTree.Element(f"{{{UPLOAD}}}request", attributes))
        slot = (await iq.send()).xml.find(f"{{{UPLOAD}}}slot")
        put = slot.find(f"{{{UPLOAD}}}put")
        headers = {header.get("name"): header.text for header in put}
        request = urllib.request.Request(
            put.get("url"), data=content, method="PUT", headers={"Content-Type": kind, **headers}
        )
        context = ssl.create_default_context(cafile=os.environ["PEER_AUTHORITY"])
        await asyncio.get_running_loop().run_in_executor(
            None, lambda: urllib.request.urlopen(request, context=context, timeout=10).close()
        )
        return slot.find(f"{{{UPLOAD}}}get").get("url")

    async def upload_service(self):
        items = await self["xep_0030"].get_items(jid=self.boundjid.domain)
        for jid, *_ in [(self.boundjid.domain,), *items["disco_items"]["items"]]:
            info = await self["xep_0030"].get_info(jid=str(jid))
            if UPLOAD in info["disco_info"]["features"]:
                return str(jid)
        raise LookupError("no upload service")


run(Sharing())
