/** The public app on a real port, with the limits that Node's server keeps. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defaultHttpLimits, type HttpLimits } from '../../../src/http/limits.ts';
import { createNodeServer } from '../../../src/http/server/node-server.ts';
import { createPublicApp, type PublicParts } from '../../../src/http/public.ts';
import { stop } from './party.ts';

export interface Served {
  readonly url: URL;
  readonly port: number;
  readonly server: Server;
  readonly close: () => Promise<void>;
}

export async function serve(
  parts: Omit<PublicParts, 'limits' | 'report'> & Partial<Pick<PublicParts, 'report'>>,
  limits: HttpLimits = defaultHttpLimits,
): Promise<Served> {
  const server = createNodeServer(createPublicApp({ report: () => {}, ...parts, limits }), limits);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}/`), port, server, close: () => stop(server) };
}
