import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Endpoint } from '../../../src/simulator/client.ts';

/** A connection that writes what it is given, well-formed or not, and keeps what comes back as text. */
export interface Raw {
  write(data: string | Uint8Array): void;
  /** Resolves with all that came so far once it matches; rejects after five seconds. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all that came when the peer has closed. */
  closed(): Promise<string>;
  /** Forgets what came so far. */
  forget(): void;
  /** Does the TLS handshake on the same connection. */
  secure(): Promise<Raw>;
  /** Stops reading. */
  pause(): void;
  destroy(): void;
}

export function streamHeader(domain: string): string {
  return `<?xml version='1.0'?><stream:stream to='${domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;
}

/** @param preface sent before TLS or anything else */
export async function openRaw(endpoint: Endpoint, preface?: Uint8Array): Promise<Raw> {
  const tcp = connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
  await once(tcp, 'connect');
  if (preface !== undefined) tcp.write(preface);
  const raw = wrap(tcp, endpoint);
  return endpoint.tls === 'direct' ? raw.secure() : raw;
}

function wrap(socket: Socket, endpoint: Endpoint): Raw {
  let received = '';
  let isClosed = false;
  const changed = new EventTarget();
  const onData = (data: Buffer) => {
    received += data.toString();
    changed.dispatchEvent(new Event('change'));
  };
  socket.on('data', onData);
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
    changed.dispatchEvent(new Event('change'));
  });

  async function wait(isDone: () => boolean, what: string): Promise<string> {
    const timeout = AbortSignal.timeout(5_000);
    while (!isDone()) {
      if (timeout.aborted) throw new Error(`no ${what}; received: ${received}`);
      await Promise.race([
        once(changed as never, 'change', { signal: timeout }).catch(() => undefined),
        once(timeout as never, 'abort').catch(() => undefined),
      ]);
    }
    return received;
  }

  return {
    write: (data) => void socket.write(data),
    until: (pattern) => wait(() => pattern.test(received), String(pattern)),
    closed: () => wait(() => isClosed, 'end'),
    forget: () => {
      received = '';
    },
    async secure() {
      socket.off('data', onData);
      const alpn = endpoint.tls === 'direct' ? { ALPNProtocols: ['xmpp-client'] } : {};
      const tls = connectTls({ socket, ca: endpoint.ca, servername: endpoint.domain, ...alpn });
      await once(tls, 'secureConnect');
      return wrap(tls, endpoint);
    },
    pause: () => void socket.pause(),
    destroy: () => socket.destroy(),
  };
}
