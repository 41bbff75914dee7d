import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issueCertificates } from './certificates.ts';

describe('a certificate for a real peer', () => {
  const { authority, chain } = issueCertificates(['localhost', 'conference.localhost']);
  const issuer = new X509Certificate(authority);
  const server = new X509Certificate(chain);

  it('is signed by its authority, and by no other', () => {
    const stranger = new X509Certificate(issueCertificates(['localhost']).authority);
    expect(server.verify(issuer.publicKey)).toBe(true);
    expect(server.checkIssued(issuer)).toBe(true);
    expect(server.verify(stranger.publicKey)).toBe(false);
  });

  it('is valid for its names, and for no other', () => {
    expect(server.checkHost('conference.localhost')).toBe('conference.localhost');
    expect(server.checkHost('example.org')).toBeUndefined();
  });

  it('cannot issue certificates itself', () => {
    expect(issuer.ca).toBe(true);
    expect(server.ca).toBe(false);
  });
});
