"""Runs a client of the terminal where there is none: in a pseudo-terminal whose screen nothing looks at."""

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


def run(arguments, sources, **environment):
    """Runs the client and ends with its status. `sources` are the objects with a `fileno` that are read meanwhile: each
    has its `on_readable(type_keys)`, which returns whether there is more to come."""
    client, screen = pty.fork()
    if client == 0:
        os.environ.update(environment, TERM="xterm-256color")
        os.execv(arguments[0], arguments)
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    # The test ends this program; the client must not stay behind.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(client, signal.SIGKILL))
    _serve(screen, sources)
    _, status = os.waitpid(client, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def run_with_plugin(arguments, keys=b""):
    """Runs a client whose plugin speaks the line protocol of ../client.ts, over the file descriptors in PEER_INPUT and
    PEER_OUTPUT. `keys` are typed whenever there is something to read, or the end."""
    commands, pipe = os.pipe()
    output = os.dup(1)
    os.set_inheritable(commands, True)
    os.set_inheritable(output, True)
    run(arguments, [_Input(pipe, keys)], PEER_INPUT=str(commands), PEER_OUTPUT=str(output))


def _serve(screen, sources):
    """Until the client closes its terminal."""
    selector = selectors.DefaultSelector()
    selector.register(screen, selectors.EVENT_READ, None)
    for source in sources:
        selector.register(source, selectors.EVENT_READ, source)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                if not _shows(screen):
                    return
            elif not key.data.on_readable(lambda keys: os.write(screen, keys)):
                selector.unregister(key.data)


def _shows(screen):
    try:
        return os.read(screen, CHUNK_BYTES) != b""
    except OSError:
        # What Linux says when the other side has closed it.
        return False


class _Input:
    """Standard input, passed on to a pipe."""

    def __init__(self, pipe, keys):
        self._pipe = pipe
        self._keys = keys

    def fileno(self):
        return 0

    def on_readable(self, type_keys):
        given = os.read(0, CHUNK_BYTES)
        if given:
            os.write(self._pipe, given)
        else:
            os.close(self._pipe)
        type_keys(self._keys)
        return given != b""


class Lines:
    """Whole lines that have arrived at a file descriptor, without waiting for more."""

    def __init__(self, source):
        self._source = source
        self._pending = b""
        self.ended = False
        os.set_blocking(source, False)

    def fileno(self):
        return self._source

    def read(self):
        try:
            while given := os.read(self._source, CHUNK_BYTES):
                self._pending += given
            self.ended = True
        except BlockingIOError:
            pass
        *lines, self._pending = self._pending.split(b"\n")
        return [line.decode() for line in lines]


def plugin_input():
    return Lines(int(os.environ["PEER_INPUT"]))


def say(*words):
    """Tells the test, from the program or from its client's plugin."""
    os.write(int(os.environ.get("PEER_OUTPUT", "1")), (" ".join(words) + "\n").encode())


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()
