/** A small XMPP client for scripts: STARTTLS or direct TLS with the certificate verified, SCRAM-SHA-256 or
 *  OAUTHBEARER, resource binding, then stanzas sent and awaited as text and trees. It never reconnects, and sends
 *  only what the script says. */
import { ns } from '../stanza/namespaces.ts';
import {
  openStream,
  type ClientStream,
  type Endpoint,
  type Received,
  type StreamOptions,
} from './client-stream.ts';
import { attribute, is, type Element } from './xml/element.ts';

export type { Endpoint };

export interface ClientOptions extends Omit<
  StreamOptions,
  'namespace' | 'prefixes' | 'onUnawaited' | 'onElement' | 'tokenMechanism'
> {
  /** The requested resource; the server may choose another. Default: the server chooses. */
  readonly resource?: string;
  /** Returns the stanza that answers an iq get or set which the script does not await. Default: such stanzas stay
   *  pending. */
  readonly onRequest?: (iq: Element) => Element;
}

export interface Client {
  /** Full JID that the server bound. */
  readonly jid: string;
  /** Sends one stanza in one write.
   *  @returns its text */
  send(stanza: Element): string;
  /** Returns the first stanza that `accepts` selects, among those not taken yet, or waits for it.
   *  @throws SimulatorError `ERR_SIMULATOR_TIMEOUT`, or `ERR_SIMULATOR_STREAM` when the stream ends first */
  receive(accepts: (stanza: Element) => boolean, timeoutMs?: number): Promise<Received>;
  /** Returns the stanzas that were not taken, in order. */
  pending(): readonly Received[];
  /** Sends `</stream:stream>`, waits for the server's, and closes. Idempotent. */
  close(): Promise<void>;
  /** Closes the connection without a closing tag. */
  destroy(): void;
}

/** Connects, logs in and binds a resource.
 *  @throws SimulatorError */
export async function connectClient(options: ClientOptions): Promise<Client> {
  const { onRequest } = options;
  const stream = await openStream({
    ...options,
    onUnawaited(stanza) {
      if (onRequest === undefined || !isRequest(stanza)) return false;
      stream.send(onRequest(stanza));
      return true;
    },
  });
  try {
    await stream.authenticate();
    return createClient(stream, await stream.bind(options.resource));
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function createClient(stream: ClientStream, jid: string): Client {
  return {
    jid,
    send: (stanza) => stream.send(stanza),
    receive: (accepts, timeoutMs) => stream.receive(accepts, timeoutMs),
    pending: () => stream.pending(),
    close: () => stream.close(),
    destroy: () => stream.destroy(),
  };
}

function isRequest(stanza: Element): boolean {
  return is(stanza, ns.client, 'iq') && ['get', 'set'].includes(attribute(stanza, 'type') ?? '');
}
