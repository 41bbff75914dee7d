import { connect } from 'node:tls';
import { it } from 'vitest';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { startTestProxy } from '../support/proxy.ts';
import { eventually } from '../support/wait.ts';

const header =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
  "to='localhost' version='1.0'>";

describeWithPeers(prosody.needs, 'a stanza that arrives one byte at a time', () => {
  it('is answered by Prosody', async () => {
    const server = await prosody.start({ plain: true });
    const proxy = await startTestProxy({
      domain: server.domain,
      gatekeeper: { port: server.ports.direct, tls: 'direct' },
      certificate: server.certificates.chain,
      key: server.certificates.key,
      ca: server.certificates.authority,
    });
    const socket = connect({
      host: '127.0.0.1',
      port: proxy.direct,
      ca: server.certificates.authority,
      servername: server.domain,
      ALPNProtocols: ['xmpp-client'],
    });
    try {
      socket.setNoDelay(true);
      let heard = '';
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      const until = async (text: string): Promise<void> => {
        await eventually(
          () => heard.includes(text),
          10_000,
          () => `heard ${heard.slice(-300)}`,
        );
        heard = '';
      };
      const login = Buffer.from(`\0juliet\0${server.accounts['juliet']!}`).toString('base64');
      socket.write(header);
      await until('</stream:features>');
      socket.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${login}</auth>`);
      await until('<success');
      socket.write(header);
      await until('</stream:features>');
      socket.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
      await until('<jid>');

      for (let round = 0; round < 10; round += 1) {
        const ping = `<iq type='get' id='ping${round}' to='${server.domain}'><ping xmlns='urn:xmpp:ping'/></iq>`;
        for (const character of ping) {
          socket.write(character);
          await new Promise((done) => setImmediate(done));
        }
        await until(`ping${round}`);
      }
    } finally {
      socket.destroy();
      await proxy.close();
      await server.close();
    }
  });
});
