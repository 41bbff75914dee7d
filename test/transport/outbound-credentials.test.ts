import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SetupError } from '../../src/transport/error.ts';
import type { ReloadReport } from '../../src/transport/reloading.ts';
import { OutboundCredentials } from '../../src/transport/outbound-credentials.ts';
import { createAuthority } from '../support/certificates.ts';
import { loopback, rejection } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';
import { temporaryFolder } from '../support/temporary.ts';

const authority = createAuthority();
const other = createAuthority();

/** What a server with a certificate of `authority` sees of this context: version and client names, or a code. */
async function tried(context: SecureContext): Promise<string> {
  const secureContext = createSecureContext({
    ...authority.issue({ dns: ['im.example'] }),
    ca: authority.cert,
  });
  const seen: TLSSocket[] = [];
  await using server = await loopback((socket) => {
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: false,
    });
    seen.push(secured.on('error', () => {}));
    secured.on('secure', () => secured.write('x'));
  });
  const client = connect({ port: server.port, servername: 'im.example', secureContext: context });
  try {
    await once(client, 'data');
    return `${client.getProtocol()} ${seen[0]!.getPeerX509Certificate()?.subjectAltName ?? 'nobody'}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!;
  } finally {
    client.destroy();
  }
}

describe('upstream credentials', () => {
  it('trust the given authorities only, and show the given certificate', async () => {
    await using folder = await temporaryFolder();
    const own = authority.issue({ dns: ['narthex.example'], usage: 'client' });
    const caFile = await folder.write('ca.pem', other.cert + authority.cert);
    const certFile = await folder.write('tls.crt', own.cert);
    const keyFile = await folder.write('tls.key', own.key);
    const both = await OutboundCredentials.open({
      name: 'g',
      caFile,
      client: { certFile, keyFile },
      report: () => {},
    });
    expect(await tried(both.context())).toBe('TLSv1.3 DNS:narthex.example');
    expect(await tried(both.context('TLSv1.2'))).toBe('TLSv1.2 DNS:narthex.example');
    expect(await tried(both.context('TLSv1.3'))).toBe('TLSv1.3 DNS:narthex.example');
    both.close();
    const without = await OutboundCredentials.open({ name: 'g', caFile, report: () => {} });
    expect(await tried(without.context())).toBe('TLSv1.3 nobody');
    without.close();
    const public_ = await OutboundCredentials.open({ name: 'g', report: () => {} });
    expect(await tried(public_.context())).toBe('SELF_SIGNED_CERT_IN_CHAIN');
    public_.close();
  });

  it('are exchanged when their files change, and kept when the new ones are broken', async () => {
    await using folder = await temporaryFolder();
    const caFile = await folder.write('ca.pem', other.cert);
    const reports: ReloadReport[] = [];
    const credentials = await OutboundCredentials.open({
      name: 'g',
      caFile,
      report: (report) => reports.push(report),
      settleMs: 10,
    });
    expect(await tried(credentials.context())).toBe('SELF_SIGNED_CERT_IN_CHAIN');
    await writeFile(caFile, authority.cert);
    await eventually(() => reports.length > 0);
    expect(await tried(credentials.context())).toBe('TLSv1.3 nobody');
    await writeFile(caFile, 'broken');
    await eventually(() => reports.length > 1);
    const invalid = { code: 'ERR_CERTIFICATE_INVALID', file: caFile, line: 1, column: 1 };
    expect(reports).toMatchObject([
      { kind: 'reloaded', name: 'g' },
      { kind: 'rejected', name: 'g', problems: [invalid] },
    ]);
    expect(await tried(credentials.context())).toBe('TLSv1.3 nobody');
    credentials.close();
  });

  it('fail clearly at start', async () => {
    await using folder = await temporaryFolder();
    const caFile = join(folder.path, 'missing.pem');
    const missing = await rejection(
      OutboundCredentials.open({ name: 'g', caFile, report: () => {} }),
      SetupError,
    );
    expect(missing).toMatchObject({
      code: 'ERR_CERTIFICATE_UNREADABLE',
      file: { role: 'authorities', path: caFile },
    });
    const client = {
      certFile: await folder.write('tls.crt', authority.issue({}).cert),
      keyFile: await folder.write('tls.key', authority.issue({}).key),
    };
    const mismatch = await rejection(
      OutboundCredentials.open({ name: 'g', client, report: () => {} }),
      SetupError,
    );
    expect(mismatch.code).toBe('ERR_CERTIFICATE_KEY_MISMATCH');
  });
});
