"""The line protocol of ../client.ts, with the verbs join, say and back of ../table/program.ts, spoken for mcabber: it reads
commands from a FIFO, writes its log to another, and starts a script at each event."""

import collections
import os
import pathlib
import re
import sys

import terminal
from terminal import Lines, decode, encode, say

SETTINGS = """set jid = {jid}
set password = {password}
set server = {host}
set port = {port}
set tls = {starttls}
set ssl = {direct}
set ssl_ca = {authority}
set ignore_self_presence = 0
set fifo_name = {home}/commands
set events_command = {home}/on-event
set event_log_files = 1
set event_log_dir = {home}/bodies
set tracelog_level = 1
set tracelog_file = {home}/log
module load fifo
"""

# What it gives its script: MSG IN CONTACT FILE, and others.
ON_EVENT = """#!/bin/sh
echo "$@" > {home}/events
"""

LOST = re.compile(r"Your status has been set: \[.>_\]")
JOINED = re.compile(r"You have joined (\S+) as ")
FAILED = re.compile(r"Authentication failed|Failed to .*|There was an error while connecting")
OFFLINE = "_"

home = pathlib.Path(os.environ["HOME"])


def main():
    write_configuration()
    mcabber = Mcabber()
    terminal.run(
        ["/usr/bin/mcabber", "-f", str(home / "mcabberrc")],
        [
            Source(open_fifo("log"), mcabber.on_log),
            Source(open_fifo("events"), mcabber.on_event),
            Source(0, mcabber.on_command, mcabber.quit),
        ],
    )


def write_configuration():
    os.umask(0o077)
    direct = os.environ["PEER_TLS"] == "direct"
    domain = os.environ["PEER_JID"].partition("@")[2]
    settings = SETTINGS.format(
        jid=os.environ["PEER_JID"],
        password=os.environ["PEER_PASSWORD"],
        # Over direct TLS it verifies the certificate for the host that it connects to.
        host=domain if direct else os.environ["PEER_HOST"],
        port=os.environ["PEER_PORT"],
        authority=os.environ["PEER_AUTHORITY"],
        starttls=int(not direct),
        direct=int(direct),
        home=home,
    )
    (home / "bodies").mkdir()
    (home / "mcabberrc").write_text(settings)
    (home / "on-event").write_text(ON_EVENT.format(home=home))
    (home / "on-event").chmod(0o700)


def open_fifo(name):
    """Opens it for writing as well, so that it never ends."""
    os.mkfifo(home / name)
    return os.open(home / name, os.O_RDWR)


class Source:
    """Lines, each given to a function."""

    def __init__(self, descriptor, on_line, on_end=None):
        self._lines = Lines(descriptor)
        self._on_line = on_line
        self._on_end = on_end

    def fileno(self):
        return self._lines.fileno()

    def on_readable(self, _type_keys):
        for line in self._lines.read():
            self._on_line(line)
        if self._lines.ended:
            self._on_end()
        return not self._lines.ended


class Mcabber:
    def __init__(self):
        self.online = False
        self.leaving = False
        self.returns = 0
        self.asked_back = collections.deque()
        # Numbers of questions, by the room that is joined.
        self.joining = {}

    def write(self, command):
        """The client makes the FIFO when it starts."""
        commands = os.open(home / "commands", os.O_WRONLY)
        os.write(commands, f"{command}\n".encode())
        os.close(commands)

    def quit(self):
        self.leaving = True
        self.write("quit")

    def on_command(self, line):
        verb, *words = line.split()
        if verb == "send":
            self.write(f"say_to {words[0]} {decode(words[1])}")
        if verb == "ask":
            self.on_question(words[0], words[1], *map(decode, words[2:]))

    def on_question(self, number, verb, *words):
        if verb == "join":
            self.joining[words[0]] = number
            self.write(f"room join {words[0]} {words[1]}")
        elif verb == "say":
            self.write(f"say_to {words[0]} {words[1]}")
            say("done", number)
        elif verb == "back":
            self.asked_back.append(number)
            self.answer_returns()

    def on_event(self, line):
        kind, what, contact, *file = line.split()
        if kind == "MSG" and file:
            body = pathlib.Path(file[0])
            if what == "IN":
                say("message", contact, encode(body.read_text().removesuffix("\n")))
            body.unlink()
        # Its own presence comes back, so that messages will, too.
        if kind == "STATUS" and what != OFFLINE and contact == os.environ["PEER_JID"]:
            self.on_online()

    def on_log(self, line):
        print(line, file=sys.stderr, flush=True)
        if LOST.search(line) and not self.leaving and "PEER_RECONNECT" in os.environ:
            # By itself it waits for one minute to two and a half. A person would not.
            self.write("connect")
        if joined := JOINED.search(line):
            say("done", self.joining.pop(joined[1]))
        if not self.online and (failure := FAILED.search(line)):
            say("failed", encode(failure[0]))

    def on_online(self):
        if self.online:
            self.returns += 1
            self.answer_returns()
        else:
            self.online = True
            say("online", os.environ["PEER_JID"])

    def answer_returns(self):
        """It has no stream management, and so nothing to resume."""
        while self.returns and self.asked_back:
            self.returns -= 1
            say("done", self.asked_back.popleft(), encode("again"))


main()
