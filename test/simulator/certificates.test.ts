import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';

describe('development certificates', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const authority = createDevelopmentAuthority({ now });
  const names = ['capulet.example', 'localhost', '127.0.0.1', '::1', '2001:db8::a:1'] as const;
  const pair = authority.issue(names, { now });
  const leaf = new X509Certificate(pair.certificate);
  const root = new X509Certificate(authority.certificate);

  it('are an authority that signs itself and servers that it signs', () => {
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('contain every requested name, and no other', () => {
    expect(leaf.checkHost('capulet.example')).toBe('capulet.example');
    expect(leaf.checkHost('montague.example')).toBeUndefined();
    for (const address of ['127.0.0.1', '::1', '2001:db8::a:1']) expect(leaf.checkIP(address)).toBe(address);
    expect(leaf.checkIP('127.0.0.2')).toBeUndefined();
  });

  it('are valid for a week, or for the requested days', () => {
    expect(leaf.validFromDate).toEqual(new Date('2026-03-01T11:00:00Z'));
    expect(leaf.validToDate).toEqual(new Date('2026-03-08T12:00:00Z'));
    const long = new X509Certificate(authority.issue(['a.example'], { now, days: 365 * 30 }).certificate);
    expect(long.validToDate.getUTCFullYear()).toBe(2056);
  });

  it('have a serial number each', () => {
    const serials = Array.from({ length: 5 }, () => {
      return new X509Certificate(authority.issue(['a.example']).certificate).serialNumber;
    });
    expect(new Set(serials).size).toBe(5);
  });

  it('carry a TLS connection, in both directions', async () => {
    const own = createDevelopmentAuthority();
    const server = own.issue(['capulet.example']);
    const client = own.issue(['romeo.example']);
    const listener = createServer({
      cert: server.certificate,
      key: server.key,
      ca: own.certificate,
      requestCert: true,
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const options = { host: '127.0.0.1', port, servername: 'capulet.example', ca: own.certificate };
    const socket = connect({ ...options, cert: client.certificate, key: client.key });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
    listener.close();
  });
});
