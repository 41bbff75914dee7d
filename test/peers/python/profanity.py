"""profanity, with an account and a configuration of its own in the home folder it is given."""

import os
import pathlib
import shutil

import terminal

ACCOUNT = """[{jid}]
enabled=true
jid={jid}
password={password}
server={host}
port={port}
resource=profanity
tls.policy={policy}
muc.nick=profanity
presence.last=online
presence.login=online
"""

SETTINGS = """[connection]
reconnect={reconnect}
mam=true
tls.certpath=none
[plugins]
load=profanity_plugin.py
[omemo]
trustmode=blind
[notifications]
message=off
room=off
"""


def write(home):
    setting = os.environ
    data = home / ".local/share/profanity"
    configuration = home / ".config/profanity"
    for folder in (data / "plugins", data / "certs", configuration):
        folder.mkdir(parents=True, exist_ok=True)
    account = ACCOUNT.format(
        jid=setting["PEER_JID"],
        password=setting["PEER_PASSWORD"],
        host=setting["PEER_HOST"],
        port=setting["PEER_PORT"],
        policy="legacy" if setting["PEER_TLS"] == "direct" else "force",
    )
    (data / "accounts").write_text(account)
    reconnect = 1 if "PEER_RECONNECT" in setting else 0
    (configuration / "profrc").write_text(SETTINGS.format(reconnect=reconnect))
    shutil.copy(setting["PEER_AUTHORITY"], data / "certs/CAfile.pem")
    for name in ("profanity_plugin.py", "terminal.py"):
        shutil.copy(pathlib.Path(__file__).with_name(name), data / "plugins")


write(pathlib.Path(os.environ["HOME"]))
log = os.path.join(os.environ["HOME"], "client.log")
# OpenSSL reads its authorities from here.
os.environ["SSL_CERT_FILE"] = os.environ["PEER_AUTHORITY"]
terminal.run_with_plugin(
    ["/usr/bin/profanity", "-a", os.environ["PEER_JID"], "-l", "DEBUG", "-f", log], b"/peer\n"
)
