"""Runs a client of the terminal where there is none: in a pseudo-terminal whose screen nothing looks at.

A plugin of the client speaks the line protocol of ../client.ts, over the file descriptors in PEER_INPUT and PEER_OUTPUT.
"""

import base64
import fcntl
import os
import pty
import selectors
import signal
import struct
import termios

ROWS, COLUMNS = 40, 120
CHUNK_BYTES = 65536


def run(arguments, keys=b""):
    """Runs the client and ends with its status. `keys` are typed whenever there is something to read, or the end."""
    commands, pipe = os.pipe()
    output = os.dup(1)
    os.set_inheritable(commands, True)
    os.set_inheritable(output, True)
    client, screen = pty.fork()
    if client == 0:
        os.environ.update(PEER_INPUT=str(commands), PEER_OUTPUT=str(output), TERM="xterm-256color")
        os.execv(arguments[0], arguments)
    os.close(commands)
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    # The test ends this program; the client must not stay behind.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(client, signal.SIGKILL))
    _pass_on(screen, pipe, keys)
    _, status = os.waitpid(client, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _pass_on(screen, pipe, keys):
    """Gives the client what arrives on standard input, until it closes its terminal."""
    selector = selectors.DefaultSelector()
    selector.register(screen, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fd == screen:
                if not _shows(screen):
                    return
                continue
            given = os.read(0, CHUNK_BYTES)
            if given:
                os.write(pipe, given)
            else:
                selector.unregister(0)
                os.close(pipe)
            os.write(screen, keys)


def _shows(screen):
    try:
        return os.read(screen, CHUNK_BYTES) != b""
    except OSError:
        # What Linux says when the other side has closed it.
        return False


class Lines:
    """The plugin's side: whole lines that have arrived, without waiting for more."""

    def __init__(self):
        self._source = int(os.environ["PEER_INPUT"])
        self._pending = b""
        self.ended = False
        os.set_blocking(self._source, False)

    def fileno(self):
        return self._source

    def read(self):
        """The words of each line."""
        try:
            while given := os.read(self._source, CHUNK_BYTES):
                self._pending += given
            self.ended = True
        except BlockingIOError:
            pass
        *lines, self._pending = self._pending.split(b"\n")
        return [line.decode().split() for line in lines]


def say(*words):
    os.write(int(os.environ["PEER_OUTPUT"]), (" ".join(words) + "\n").encode())


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()
