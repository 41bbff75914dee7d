"""The line protocol of ../client.ts, with the verbs of ../table/program.ts, spoken for Dino, which is a program of the
desktop: it runs on a screen of its own that nothing looks at. URIs open its conversations over D-Bus, keys are typed, and
what it does is read from the stanzas that it prints and from its database.

Dino finds its server and its authorities where the system has them. So it runs in a mount namespace, with the test's
authority and with a name server that answers for the account's domain. It needs root for that.
"""

import base64
import contextlib
import os
import pathlib
import queue
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

from terminal import decode, encode, say

PATIENCE_S = 45
DATABASE_PAUSE_S = 0.05
QUIET_S = 3

# The order of Dino's own enumeration.
NOT_ENCRYPTED, OMEMO = 0, 2
RECEIVED, CHAT = 0, 1

IN_NAMESPACE = """
mount --bind "$1" /etc/ssl/certs/ca-certificates.crt
mount --bind "$2" /etc/resolv.conf
shift 2
exec "$@"
"""

ACCOUNTS = """create table account (id integer primary key autoincrement, bare_jid text not null unique,
  resourcepart text, password text, alias text, enabled integer, roster_version text, mam_earliest_synced integer)"""

RECEIVED_AFTER = """select message.id, jid.bare_jid, counterpart_resource, body
  from message join jid on jid.id = counterpart_id where message.id > ? and direction = ? and type = ? order by message.id"""

ENCRYPTION_OF = """select encryption from conversation join jid on jid.id = jid_id where bare_jid = ?"""

SET_ENCRYPTION = """update conversation set encryption = ? where jid_id = (select id from jid where bare_jid = ?)"""

ADD_ACCOUNT = """insert into account (bare_jid, resourcepart, password, enabled, mam_earliest_synced)
  values (?, 'dino', ?, 1, 0)"""

home = pathlib.Path(os.environ["HOME"])
own_jid = os.environ["PEER_JID"]


class NameServer:
    """Answers one question: where the domain serves XMPP (RFC 6120 section 3.2.1, or XEP-0368)."""

    SRV = 33
    HEADER = struct.Struct(">HHHHHH")

    def __init__(self, service, target, port):
        self._service = self._name(f"{service}._tcp.{target}")
        self._answer = struct.pack(">HHH", 0, 0, port) + self._name(target)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Each process has its own address of the loopback, since the port is always the same.
        self.address = f"127.53.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
        self._socket.bind((self.address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def _name(name):
        return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

    def _serve(self):
        while True:
            query, client = self._socket.recvfrom(1500)
            self._socket.sendto(self._reply(query), client)

    def _reply(self, query):
        end = query.index(b"\0", self.HEADER.size) + 1
        name, question = query[self.HEADER.size : end], query[self.HEADER.size : end + 4]
        found = name.lower() == self._service and struct.unpack_from(">H", query, end)[0] == self.SRV
        flags = 0x8580 if found else 0x8583
        header = self.HEADER.pack(struct.unpack_from(">H", query)[0], flags, 1, int(found), 0, 0)
        if not found:
            return header + question
        record = struct.pack(">HHHIH", 0xC00C, self.SRV, 1, 60, len(self._answer)) + self._answer
        return header + question + record


class Stanzas:
    """What Dino prints of its stream: each element with its direction, in order."""

    def __init__(self):
        self._printed = []
        self._change = threading.Condition()

    def read(self, output, on_element):
        element = []
        for line in output:
            sys.stderr.write(line)
            if line.strip():
                element.append(line)
                continue
            whole, element = "".join(element), []
            with self._change:
                self._printed.append(whole)
                self._change.notify_all()
            on_element(whole)

    def count(self):
        with self._change:
            return len(self._printed)

    def find(self, pattern, start=0, timeout=PATIENCE_S):
        """The match of a pattern in an element that comes after `start` others, or None when none came in time."""
        pattern = re.compile(pattern, re.DOTALL)
        with self._change:
            matches = lambda: next(filter(None, map(pattern.search, self._printed[start:])), None)
            return self._change.wait_for(matches, timeout)

    def settle(self):
        """Returns when none was printed for some seconds."""
        deadline = time.monotonic() + PATIENCE_S
        with self._change:
            while self._change.wait(QUIET_S) and time.monotonic() < deadline:
                pass

    def wait_for(self, pattern, start, otherwise):
        if not self.find(pattern, start):
            raise TimeoutError(otherwise)


def start(*arguments, **options):
    """Starts a process that ends with this one."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *arguments], **options)



BINDS = re.compile(r"XMPP OUT .*\{urn:ietf:params:xml:ns:xmpp-bind\}:bind", re.DOTALL)
RESUMED = re.compile(r"XMPP IN .*<\{urn:xmpp:sm:3\}:resumed ", re.DOTALL)
FAILED = re.compile(r"Could not establish XMPP session[^\n]*|\{urn:ietf:params:xml:ns:xmpp-sasl\}:failure")
OWN_PRESENCE = re.compile(
    rf"XMPP IN .*<\{{jabber:client\}}:presence [^>]*from='{re.escape(own_jid)}/", re.DOTALL
)


class Client:
    """Dino, on its screen, and what it has done."""

    def __init__(self):
        self.stanzas = Stanzas()
        self.returns = queue.Queue()
        self._environment = environment()
        self._binds = False
        self._online = threading.Event()
        self._known = False

    def start(self):
        self._online.clear()
        files = [os.environ["PEER_AUTHORITY"], str(home / "resolv.conf")]
        self._process = start(
            *["unshare", "--mount", "sh", "-ec", IN_NAMESPACE, "sh", *files],
            *["dino-im", "--print-xmpp=all"],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        reading = (self._process.stderr, self._on_element)
        threading.Thread(target=self.stanzas.read, args=reading, daemon=True).start()
        if not self._online.wait(PATIENCE_S):
            raise TimeoutError("Dino has not come online")

    def quit(self):
        self.focus("Dino")
        self.type_keys("ctrl+q")
        self._process.wait(PATIENCE_S)

    def _on_element(self, element):
        if BINDS.search(element):
            self._binds = True
        elif RESUMED.search(element):
            self.returns.put("resumed")
        elif self._binds and OWN_PRESENCE.search(element):
            self._binds = False
            self._on_online()
        elif not self._known and (failure := FAILED.search(element)):
            say("failed", encode(failure[0]))

    def _on_online(self):
        if self._online.is_set():
            self.returns.put("again")
        elif not self._known:
            say("online", own_jid)
        self._known = True
        self._online.set()

    def open(self, uri):
        """Returns when Dino has opened it."""
        self._run(
            *["gdbus", "call", "--session", "--dest", "im.dino.Dino", "--object-path", "/im/dino/Dino"],
            *["--method", "org.freedesktop.Application.Open", repr([uri]), "{}"],
        )

    def focus(self, title):
        """Waits for a window with this title, and gives it the keyboard. A search fails where another window closes
        meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", f"^{title}$"]
        while True:
            try:
                window = self._run(*search).split()[0]
                self._run("xdotool", "windowfocus", "--sync", window)
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise

    def type_keys(self, *keys):
        self._run("xdotool", "key", *keys)

    def type_text(self, text):
        self._run("xdotool", "type", "--", text)

    def _run(self, *command):
        options = {"env": self._environment, "timeout": PATIENCE_S, "text": True}
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


def environment():
    """Starts a screen and a bus, and returns the variables that point to them."""
    (home / "run").mkdir(mode=0o700)
    bus = f"unix:path={home}/run/bus"
    reading, writing = os.pipe()
    screen = ["-displayfd", str(writing), "-nolisten", "tcp", "-screen", "0", "1024x768x24"]
    start("Xvfb", *screen, pass_fds=[writing])
    start("dbus-daemon", "--session", "--nofork", f"--address={bus}")
    os.close(writing)
    with os.fdopen(reading) as display:
        number = display.readline().strip()
    return {
        **os.environ,
        "DISPLAY": f":{number}",
        "DBUS_SESSION_BUS_ADDRESS": bus,
        "XDG_RUNTIME_DIR": str(home / "run"),
        "GDK_BACKEND": "x11",
        "GSK_RENDERER": "cairo",
        # The loopback is there without a route to elsewhere. Offline, Dino sends nothing.
        "GIO_USE_NETWORK_MONITOR": "base",
    }


class Database:
    """What Dino remembers."""

    def __init__(self):
        self._file = home / ".local/share/dino/dino.db"

    def _connect(self):
        return sqlite3.connect(self._file, timeout=PATIENCE_S)

    def add_account(self):
        self._file.parent.mkdir(parents=True)
        with contextlib.closing(self._connect()) as database, database:
            database.execute(ACCOUNTS)
            database.execute(ADD_ACCOUNT, (own_jid, os.environ["PEER_PASSWORD"]))

    def encryption(self, contact):
        with contextlib.closing(self._connect()) as database:
            return database.execute(ENCRYPTION_OF, (contact,)).fetchone()[0]

    def set_encryption(self, contact, encryption):
        with contextlib.closing(self._connect()) as database, database:
            database.execute(SET_ENCRYPTION, (encryption, contact))

    def tell_messages(self):
        """Tells of each message that was received, for ever."""
        last = 0
        with contextlib.closing(self._connect()) as database:
            while True:
                for last, jid, resource, body in database.execute(RECEIVED_AFTER, (last, RECEIVED, CHAT)):
                    say("message", f"{jid}/{resource}" if resource else jid, encode(body))
                time.sleep(DATABASE_PAUSE_S)


class Peer:
    """Does what the test asks for."""

    def __init__(self):
        self._database = Database()
        self._database.add_account()
        self._client = Client()
        self._client.start()
        threading.Thread(target=self._database.tell_messages, daemon=True).start()

    def serve(self):
        for line in sys.stdin:
            verb, *words = line.split()
            if verb == "send":
                self._send(*words)
            if verb == "ask":
                self._answer(*words)
        self._client.quit()

    def _send(self, contact, body):
        try:
            self._write(contact, decode(body), NOT_ENCRYPTED)
        except Exception as reason:
            say("failed", encode(repr(reason)))

    def _answer(self, number, verb, *words):
        questions = {
            "back": self._back,
            "encrypt": self._encrypt,
            "join": self._join,
            "say": self._say,
            "upload": self._upload,
        }
        try:
            say("done", number, *map(encode, questions[verb](*words)))
        except Exception as reason:
            say("refused", number, encode(repr(reason)))

    def _write(self, contact, body, encryption):
        self._client.open(f"xmpp:{contact}?message")
        if self._database.encryption(contact) != encryption:
            # Dino reads it when it starts.
            self._client.quit()
            self._database.set_encryption(contact, encryption)
            self._client.start()
            # It keeps a message for ever that waits for keys of a contact whose devices it is just told of.
            self._client.stanzas.settle()
            self._client.open(f"xmpp:{contact}?message")
        message = rf"XMPP OUT .*<\{{jabber:client\}}:message [^>]*to='{re.escape(contact)}'.*"
        self._type_message(body, message + ("}:encrypted " if encryption == OMEMO else "}:body>"))

    def _type_message(self, body, sent):
        """Types it into the field of the conversation, and waits until it is sent."""
        before = self._client.stanzas.count()
        self._client.focus("Dino")
        self._client.type_text(body)
        self._client.type_keys("Return")
        self._client.stanzas.wait_for(sent, before, "Dino has not sent the message")

    def _encrypt(self, contact, body):
        self._write(decode(contact), decode(body), OMEMO)
        return []

    def _back(self):
        return [self._client.returns.get()]

    def _join(self, room, nick):
        room, nick = decode(room), decode(nick)
        before = self._client.stanzas.count()
        self._client.open(f"xmpp:{room}?join")
        self._client.focus("Join Channel")
        # From the account past the room to the nick, and past Cancel to Join.
        self._client.type_keys("Tab", "Tab")
        self._client.type_text(nick)
        self._client.type_keys("Tab", "Tab", "Return")
        occupant = re.escape(f"{room}/{nick}")
        joined = rf"XMPP IN .*<\{{jabber:client\}}:presence [^>]*from='{occupant}'.*:code='110'"
        self._client.stanzas.wait_for(joined, before, "Dino has not joined the room")
        return []

    def _say(self, room, body):
        # Dino shows the room that it has joined.
        to = re.escape(decode(room))
        self._type_message(decode(body), rf"XMPP OUT .*<\{{jabber:client\}}:message [^>]*to='{to}'.*}}:body>")
        return []

    def _upload(self, name, content):
        path = home / decode(name)
        path.write_bytes(base64.b64decode(content))
        before = self._client.stanzas.count()
        self._client.open(f"xmpp:{own_jid}?message")
        self._client.focus("Dino")
        self._client.type_keys("ctrl+u")
        self._client.focus("Select file")
        self._client.type_text(str(path))
        self._client.type_keys("Return")
        return [self._send_file(before)]

    def _send_file(self, before):
        """Confirms the file. What asks for it is drawn in the main window, which says nothing of it, so that the key is
        pressed until the file is sent."""
        for _ in range(PATIENCE_S):
            self._client.focus("Dino")
            self._client.type_keys("Return")
            if sent := self._client.stanzas.find(SENT_ADDRESS, before, timeout=1):
                return sent[1]
        raise TimeoutError("Dino has not sent the file")


SENT_ADDRESS = r"XMPP OUT .*<\{jabber:x:oob\}:url>\s*(\S+)"

for ending in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, lambda *_: os._exit(1))
direct = os.environ["PEER_TLS"] == "direct"
service = "_xmpps-client" if direct else "_xmpp-client"
names = NameServer(service, own_jid.partition("@")[2], int(os.environ["PEER_PORT"]))
(home / "resolv.conf").write_text(f"nameserver {names.address}\n")
Peer().serve()
