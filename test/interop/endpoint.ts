/** Where the clients under test connect to: the server itself, or what stands before it. */
import type { PeerServer } from '../peers/server.ts';

/** Loopback ports by the way TLS is reached; what listens there presents the server's own certificate. */
export interface Endpoint {
  readonly starttls: number;
  readonly direct: number;
  close(): Promise<void>;
}

export type EndpointFactory = (server: PeerServer) => Promise<Endpoint>;

/** Nothing in between: the baseline, so that what fails only elsewhere is not the client's or the server's doing. */
export const straight: EndpointFactory = async ({ ports }) => ({ ...ports, close: async () => {} });
