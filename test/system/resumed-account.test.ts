/** Whose session it is stays what it is once a stream is resumed: others can write to the client then. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy } from '../support/proxy.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';

const policy = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ours, owner: security@third.example }
spec:
  extends: passthrough
  exceptions:
    - when: { account-domain: localhost }
      audiences: { gatekeeper: { presence.status: drop } }
      why: this domain's people say nothing
      approved-by: security
      expires: 2099-01-01
`;

it('a binding that a contact makes up changes no account', async () => {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue(['localhost', '127.0.0.1']);
  const folder = await mkdtemp(join(tmpdir(), 'narthex-account-'));
  await writeFile(join(folder, 'policy.yaml'), policy);
  const received: string[] = [];
  const gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    const index = received.push('') - 1;
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      received[index] += text;
      if (text.includes("type='set' id='b'"))
        socket.write(
          "<iq xmlns='jabber:client' type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@localhost/x</jid></bind></iq>",
        );
      if (text.includes('<enable ')) socket.write("<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true'/>");
      if (text.includes('<resume ')) socket.write("<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>");
    });
  });
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: join(folder, 'policy.yaml'),
  });
  try {
    const first = await logInRaw(proxy.direct, authority.certificate);
    first.socket.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    await first.until('a@localhost/x');
    first.socket.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    await first.until('<enabled');
    first.socket.destroy();
    const second = await logInRaw(proxy.direct, authority.certificate);
    second.socket.write("<resume xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>");
    await second.until('<resumed');
    gatekeeper.connections
      .at(-1)!
      .write(
        "<iq xmlns='jabber:client' type='result' id='e' from='eve@evil.example/x'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>eve@evil.example/x</jid></bind></iq>",
      );
    await second.until("id='e'");
    second.socket.write('<presence><status>secret</status></presence>');
    await expect.poll(() => received[1]).toMatch(/<presence/);
    expect(received[1]).not.toContain('secret');
    second.socket.destroy();
  } finally {
    await proxy.close();
    gatekeeper.close();
    await rm(folder, { recursive: true });
  }
});
