/** `check --connect` at real servers: in the mode that is configured rightly they are reached, in the other one the mode is
 *  what is found. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/app/clock.ts';
import { reachGatekeepers } from '../../src/app/tools/reach.ts';
import { configSchema } from '../../src/config/schema.ts';
import type { TlsMode } from '../peers/probe.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { ejabberd, prosody, prosody13 } from '../peers/servers.ts';

for (const kind of [prosody, prosody13, ejabberd])
  describeWithPeers(kind.needs, `at ${kind.name}`, () => {
    let server: PeerServer;
    let caFile: string;
    beforeAll(async () => {
      server = await kind.start();
      caFile = join(server.folder, 'authority.pem');
      await writeFile(caFile, server.certificates.authority);
    });
    afterAll(() => server?.close());

    /** A port, dialled as a configuration with this mode says. */
    const reach = async (port: TlsMode, tls: TlsMode) => {
      const config = configSchema.parse({
        apiVersion: 'narthex/v1',
        kind: 'Proxy',
        listeners: [{ name: 'clients', port: 0, tls: 'direct' }],
        certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
        domains: [{ domain: server.domain, gatekeeper: 'main' }],
        gatekeepers: [{ name: 'main', connect: { address: `127.0.0.1:${server.ports[port]}`, tls }, caFile }],
      });
      const [reached] = await reachGatekeepers(config, systemClock);
      return reached!.kind === 'reached' ? reached!.kind : reached!.cause;
    };

    it.each(['starttls', 'direct'] as const)('its port with %s is reached', async (mode) => {
      expect(await reach(mode, mode)).toBe('reached');
    });

    it('STARTTLS is recognised where direct TLS is configured, and the reverse', async () => {
      expect(await reach('starttls', 'direct')).toBe('tls-mode');
      expect(await reach('direct', 'starttls')).toBe('tls-mode');
    });
  });
