"""poezio, with an account and a configuration of its own in the home folder it is given."""

import os
import pathlib
import pwd
import shutil

import terminal

SETTINGS = """[Poezio]
jid = {jid}
password = {password}
custom_host = {host}
custom_port = {port}
ca_cert_path = {authority}
auto_reconnect = {reconnect}
enable_smacks = true
plugins_dir = {home}/plugins
plugins_autoload = peer
use_log = false
synchronise_open_rooms = false
"""


def write(home):
    (home / "plugins").mkdir()
    settings = SETTINGS.format(
        jid=os.environ["PEER_JID"],
        password=os.environ["PEER_PASSWORD"],
        host=os.environ["PEER_HOST"],
        port=os.environ["PEER_PORT"],
        authority=os.environ["PEER_AUTHORITY"],
        reconnect="PEER_RECONNECT" in os.environ,
        home=home,
    )
    (home / "poezio.cfg").write_text(settings)
    here = pathlib.Path(__file__).parent
    shutil.copy(here / "poezio_plugin.py", home / "plugins/peer.py")
    shutil.copy(here / "terminal.py", home / "terminal.py")


def leave_root(home):
    """poezio refuses to run as root, as whom tests run in a container."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam("nobody")
    for path in (home, *home.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


home = pathlib.Path(os.environ["HOME"])
write(home)
leave_root(home)
# Where its plugin finds terminal.py.
os.environ["PYTHONPATH"] = str(home)
terminal.run_with_plugin(
    ["/usr/bin/poezio", "-f", str(home / "poezio.cfg"), "-d", str(home / "client.log")]
)
