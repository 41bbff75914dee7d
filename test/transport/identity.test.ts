import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { certificateNames, checkXmppIdentity } from '../../src/transport/identity.ts';
import { createAuthority, type CertificateRequest } from '../support/certificates.ts';

const authority = createAuthority();

function check(domain: string, request: CertificateRequest): boolean {
  const { subjectAltName, subject } = new X509Certificate(authority.issue(request).cert);
  const certificate = { subject: { CN: subject?.replace('CN=', '') }, subjectaltname: subjectAltName };
  return checkXmppIdentity(domain, certificate as unknown as PeerCertificate) === undefined;
}

describe('the identity of a gatekeeper', () => {
  it.each<[string, CertificateRequest]>([
    ['im.example', { dns: ['im.example'] }],
    ['IM.example', { dns: ['im.EXAMPLE'] }],
    ['a.im.example', { dns: ['other.example', '*.im.example'] }],
    ['im.example', { srv: ['_xmpp-client.im.example'] }],
    ['im.example', { dns: ['host.example'], srv: ['_xmpps-client.im.example'] }],
    ['127.0.0.1', { ipv4: ['127.0.0.1'] }],
    ['xn--mnchen-3ya.example', { dns: ['xn--mnchen-3ya.example'] }],
  ])('%s is shown by %j', (domain, request) => {
    expect(check(domain, request)).toBe(true);
  });

  it.each<[string, CertificateRequest]>([
    ['im.example', { dns: ['example'] }],
    ['im.example', { dns: ['a.im.example', '*.im.example'] }],
    ['b.a.im.example', { dns: ['*.im.example'] }],
    ['im.example', { dns: ['*.example'] }],
    // A common name is no identity, with or without alternative names.
    ['im.example', { commonName: 'im.example' }],
    ['im.example', { commonName: 'im.example', srv: ['_xmpp-client.other.example'] }],
    ['im.example', { srv: ['_xmpp-server.im.example'] }],
    ['im.example', { srv: ['_xmpp-client.*.example'] }],
    ['im.example', { xmppAddr: ['im.example'] }],
    ['127.0.0.1', { dns: ['127.0.0.1'] }],
    // Names that try to look like two when printed.
    ['im.example', { xmppAddr: ['x, DNS:im.example'] }],
    ['im.example', { srv: ['x", DNS:im.example, othername:"SRVName:_xmpp-client.im.example'] }],
    ['im.example', { dns: ['x.example, othername:SRVName:_xmpp-client.im.example'] }],
  ])('%s is not shown by %j', (domain, request) => {
    expect(check(domain, request)).toBe(false);
  });

  it('is read as names, lower case', () => {
    const { subjectAltName } = new X509Certificate(
      authority.issue({ dns: ['A.example', '*.b.example'], srv: ['_XMPP-client.a.example'] }).cert,
    );
    expect(certificateNames(subjectAltName)).toEqual({
      dns: ['a.example', '*.b.example'],
      services: ['_xmpp-client.a.example'],
    });
    expect(certificateNames(undefined)).toEqual({ dns: [], services: [] });
  });
});
