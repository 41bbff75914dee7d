"""The line protocol of ../client.ts, with the verbs of ../table/program.ts, spoken by a plugin of profanity. What a test
asks for becomes the lines that a user would type; what profanity shows and receives becomes the answers."""

import base64
import collections
import os
import tempfile
import xml.etree.ElementTree as ElementTree

import prof
from terminal import decode, encode, plugin_input, say

OWN_JID = os.environ["PEER_JID"]
LOG = os.path.join(os.environ["HOME"], "client.log")

BODY = "{jabber:client}body"
ARCHIVED = "{urn:xmpp:mam:2}result"
PAGE = "{urn:xmpp:mam:2}fin"
LAST = ".//{http://jabber.org/protocol/rsm}last"
STATUS = ".//{http://jabber.org/protocol/muc#user}status"
PUBLISHED_KEYS = "eu.siacs.conversations.axolotl."

lines = plugin_input()


class Session:
    """What is asked for and has no answer yet."""

    def __init__(self):
        self.online = False
        self.resumptions = 0
        self.returns = collections.deque()
        self.asked_back = collections.deque()
        # Numbers of questions by what answers them.
        self.rooms = {}
        self.uploads = collections.deque()
        self.archive = None
        # Ids of the requests for its pages. profanity asks for more than the test does, and a server may answer late.
        self.pages = set()
        self.bodies = []
        # Contact and number of the encrypted message that waits for the contact's keys.
        self.encrypted = None
        # What is done when the server has answered a ping, by the ping's id.
        self.after_ping = {}


session = Session()


def prof_on_start():
    prof.register_command("/peer", 0, 0, ["/peer"], "Do what the test asks for", [], [], on_lines)


def on_lines():
    for verb, *words in map(str.split, lines.read()):
        if verb == "send":
            write(words[0], decode(words[1]))
        if verb == "ask":
            number, question, *more = words
            questions[question](number, *more)
    if lines.ended:
        prof.send_line("/quit")


def open_chat(contact):
    # In a room's window, /msg means one of its occupants.
    prof.send_line("/win 1")
    prof.send_line(f"/msg {contact}")


def write(contact, body):
    open_chat(contact)
    prof.send_line(body)


def prof_on_connect(_account, full_jid):
    if session.online:
        session.returns.append("resumed" if has_resumed() else "again")
        answer_returns()
    else:
        session.online = True
        say("online", full_jid)


def has_resumed():
    """The library says so in the log, and nowhere else."""
    with open(LOG, encoding="utf-8", errors="replace") as log:
        resumptions = log.read().count("Session resumed successfully")
    resumed = resumptions > session.resumptions
    session.resumptions = resumptions
    return resumed


def answer_returns():
    while session.returns and session.asked_back:
        say("done", session.asked_back.popleft(), encode(session.returns.popleft()))


def back(number):
    session.asked_back.append(number)
    answer_returns()


def prof_post_chat_message_display(bare_jid, resource, message):
    say("message", f"{bare_jid}/{resource}", encode(message))


def join(number, room, nick):
    room, nick = decode(room), decode(nick)
    session.rooms[f"{room}/{nick}"] = number
    prof.send_line(f"/join {room} nick {nick}")


def prof_on_presence_stanza_receive(stanza):
    presence = ElementTree.fromstring(stanza)
    occupant = presence.get("from")
    if occupant not in session.rooms:
        return True
    if presence.get("type") == "error":
        say("refused", session.rooms.pop(occupant), encode("the room refused"))
    elif any(status.get("code") == "110" for status in presence.iterfind(STATUS)):
        say("done", session.rooms.pop(occupant))
    return True


def say_in_room(number, room, body):
    # Shows the room's window; it has joined already.
    prof.send_line(f"/join {decode(room)}")
    prof.send_line(decode(body))
    say("done", number)


def upload(number, name, content):
    path = os.path.join(tempfile.mkdtemp(dir=os.environ["HOME"]), decode(name))
    with open(path, "wb") as file:
        file.write(base64.b64decode(content))
    session.uploads.append(number)
    open_chat(OWN_JID)
    prof.send_line(f"/sendfile {path}")


def prof_on_message_stanza_send(stanza):
    message = ElementTree.fromstring(stanza)
    address = message.find("{jabber:x:oob}x/{jabber:x:oob}url")
    if address is not None and session.uploads:
        say("done", session.uploads.popleft(), encode(address.text))
    return stanza


def archive(number, contact):
    """A window that opens is filled from the archive."""
    session.archive, session.bodies, session.pages = number, [], set()
    prof.send_line("/win 1")
    prof.send_line(f"/close {decode(contact)}")
    open_chat(decode(contact))
    if not session.pages:
        say("refused", number, encode("profanity has not found an archive"))
        session.archive = None


def prof_on_iq_stanza_send(stanza):
    if session.archive and "urn:xmpp:mam:2" in stanza:
        session.pages.add(ElementTree.fromstring(stanza).get("id"))
    return stanza


def prof_on_message_stanza_receive(stanza):
    archived = ElementTree.fromstring(stanza).find(ARCHIVED)
    body = None if archived is None else archived.find(f".//{BODY}")
    if body is not None:
        session.bodies.append(body.text)
    return True


def encrypt(number, contact, body):
    session.encrypted = (decode(contact), number, decode(body))
    prof.send_line("/omemo gen")
    open_chat(decode(contact))
    prof.send_line("/omemo start")


def prof_on_iq_stanza_receive(stanza):
    iq = ElementTree.fromstring(stanza)
    page = iq.find(PAGE)
    if page is not None and iq.get("id") in session.pages:
        on_page(page)
    if session.encrypted and iq.get("from") == session.encrypted[0]:
        on_keys(iq, stanza)
    if iq.get("id") in session.after_ping:
        session.after_ping.pop(iq.get("id"))()
    return True


def on_page(page):
    if page.get("complete") == "true" or page.find(LAST) is None:
        say("done", session.archive, *map(encode, session.bodies))
        session.archive, session.pages = None, set()


def on_keys(iq, stanza):
    """profanity reads the keys after this; it has done so when a later question to the server is answered."""
    contact, number, body = session.encrypted
    if iq.get("type") == "error":
        say("refused", number, encode(f"{contact} has no keys"))
    elif f"{PUBLISHED_KEYS}bundles" in stanza:
        ping(lambda: write_encrypted(contact, number, body))
    else:
        return
    session.encrypted = None


def ping(then):
    id = f"peer-{len(session.after_ping)}-{os.urandom(4).hex()}"
    session.after_ping[id] = then
    prof.send_stanza(f"<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")


def write_encrypted(contact, number, body):
    write(contact, body)
    prof.send_line("/omemo end")
    say("done", number)


questions = {
    "back": back,
    "join": join,
    "say": say_in_room,
    "upload": upload,
    "archive": archive,
    "encrypt": encrypt,
}
