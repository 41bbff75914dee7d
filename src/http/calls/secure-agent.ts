/** An HTTPS agent whose authorities and client certificate may change: each new connection uses the current ones. */
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

export type ConnectCallback = (error: Error | null, stream: Duplex) => void;

export class SecureAgent extends https.Agent {
  readonly #secureContext: (() => SecureContext) | undefined;

  constructor(options: https.AgentOptions, secureContext: (() => SecureContext) | undefined) {
    super(options);
    this.#secureContext = secureContext;
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: ConnectCallback,
  ): Duplex | null | undefined {
    const secureContext = this.#secureContext?.();
    // Node passes unknown options on to tls.connect.
    const all: https.RequestOptions & { secureContext?: SecureContext } = {
      ...options,
      ...(secureContext && { secureContext }),
    };
    return super.createConnection(all, callback);
  }
}
