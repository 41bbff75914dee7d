/** Runs inside the server's namespace: listens on IPv4 and IPv6 with saved SYNs and TLS-less, and prints one JSON line
 *  per connection: the client's port and the signature read from its SYN. The first line tells the port. */
import { createServer, type AddressInfo } from 'node:net';
import { fingerprintSyn } from '../../../src/signals/p0f.ts';
import { descriptorOf, loadSynCapture } from '../../../src/signals/saved-syn.ts';

const capture = await loadSynCapture();
const bound = capture.bind({ address: '::', port: 0 });
if (bound.kind !== 'bound' || !bound.savesSyn) throw new Error(`cannot save SYNs here: ${bound.kind}`);

const server = createServer((socket) => {
  const { syn } = capture.read(descriptorOf(socket));
  const signature = syn.kind === 'syn' ? fingerprintSyn(syn.syn).p0f : syn.reason;
  console.log(JSON.stringify({ port: socket.remotePort, p0f: signature }));
  socket.on('error', () => socket.destroy());
  socket.resume();
  setTimeout(() => socket.destroy(), 50);
});
server.listen({ fd: bound.fd }, () => {
  console.log(JSON.stringify({ listening: (server.address() as AddressInfo).port }));
});
