/** Phase `securing` of a listener without direct TLS: the first stream, whose only feature is STARTTLS
 *  (RFC 6120 §5.3.1). */
import type { Socket } from 'node:net';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { TcpLeg } from '../leg.ts';
import { requireCapacity } from '../capacity.ts';
import type { Machine } from '../machine.ts';
import { ownHeader } from '../own-header.ts';
import { secureClient } from './securing.ts';

const features = Buffer.from(
  `<stream:features><starttls xmlns='${ns.tls}'><required/></starttls></stream:features>`,
);
const proceed = Buffer.from(`<proceed xmlns='${ns.tls}'/>`);

/** Reads the stream in clear text until the client asks for TLS. */
export function offerStartTls(machine: Machine, socket: Socket): void {
  const { options } = machine;
  // Bytes in clear text are not counted as traffic of the session.
  const events = { ...machine.events, bytesRead: () => {} };
  const leg = new TcpLeg('client', socket, { ...options, limits: options.preAuthenticationLimits }, events);
  leg.receive({
    header: (header) => {
      requireCapacity(machine);
      leg.open(ownHeader(header, options));
      leg.write(features);
      leg.flush();
    },
    stanza: (stanza) => {
      refuseOthers(stanza);
      leg.hold();
      leg.afterChunk(() => upgrade(machine, leg));
    },
    whitespace: () => {},
    end: () => machine.end({ kind: 'closed', by: 'client' }),
  });
  machine.enter({ name: 'securing', client: leg });
  leg.start();
  // Reading a PROXY header pauses the socket.
  socket.resume();
}

function refuseOthers(stanza: Stanza): void {
  if (!stanza.is(0, ns.tls, 'starttls'))
    throw new StreamError('policy-violation', { code: 'ERR_STARTTLS_REQUIRED' });
}

/** Answers `<starttls/>` and begins TLS. Bytes in clear text after it could be injected by a third party, and are
 *  refused (RFC 6120 §5.4.3.3). A line end is accepted: some clients write one after each element.
 *  @throws StreamError ERR_STARTTLS_PIPELINED */
function upgrade(machine: Machine, leg: TcpLeg): void {
  const { socket } = leg;
  const rest = leg.detach();
  if (!isWhitespaceOnly(rest) || socket.readableLength > 0)
    throw new StreamError('policy-violation', { code: 'ERR_STARTTLS_PIPELINED' });
  leg.write(proceed);
  leg.flush();
  void secureClient(machine, socket);
}

function isWhitespaceOnly(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}
