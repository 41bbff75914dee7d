import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import {
  CertificateStore,
  type CertificateFiles,
  type CertificateReport,
} from '../../src/transport/certificates.ts';
import { SetupError } from '../../src/transport/error.ts';
import { secureClient } from '../../src/transport/server-tls.ts';
import { createAuthority, dayMs, type CertificateRequest, type Issued } from '../support/certificates.ts';
import { loopback, rejection } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

const authority = createAuthority();

async function writePair(folder: TemporaryFolder, name: string, issued: Issued): Promise<CertificateFiles> {
  return {
    name,
    certFile: await folder.write(`${name}.crt`, issued.cert),
    keyFile: await folder.write(`${name}.key`, issued.key),
  };
}

/** A store over freshly issued certificates, one per request, that watches quickly and never polls. */
async function openStore(
  folder: TemporaryFolder,
  requests: Readonly<Record<string, CertificateRequest>>,
  options: { settleMs?: number; pollMs?: number; now?: () => number } = {},
): Promise<{ store: CertificateStore; files: CertificateFiles[]; reports: CertificateReport[] }> {
  const files = await Promise.all(
    Object.entries(requests).map(([name, request]) => writePair(folder, name, authority.issue(request))),
  );
  const reports: CertificateReport[] = [];
  const store = await CertificateStore.open({
    certificates: files as [CertificateFiles, ...CertificateFiles[]],
    report: (report) => reports.push(report),
    settleMs: 20,
    pollMs: 3_600_000,
    ...options,
  });
  return { store, files, reports };
}

/** Serves the store on a port; asks it for a server name and returns the names of the certificate it showed. */
async function namesShown(store: CertificateStore, servername?: string): Promise<string | undefined> {
  await using server = await loopback(
    (socket) => void secureClient(socket, { certificates: store, handshakeTimeoutMs: 2_000 }).catch(() => {}),
  );
  const client = connect({
    port: server.port,
    ca: authority.cert,
    checkServerIdentity: () => undefined,
    ...(servername === undefined ? {} : { servername }),
  });
  await once(client, 'secureConnect');
  const shown = client.getPeerX509Certificate()?.subjectAltName;
  client.destroy();
  return shown;
}

async function failure(cert: string | undefined, key: string | undefined): Promise<SetupError> {
  await using folder = await temporaryFolder();
  if (cert !== undefined) await folder.write('tls.crt', cert);
  if (key !== undefined) await folder.write('tls.key', key);
  const certFile = join(folder.path, 'tls.crt');
  const keyFile = join(folder.path, 'tls.key');
  const opening = CertificateStore.open({
    certificates: [{ name: 'a', certFile, keyFile }],
    report: () => {},
  });
  const error = await rejection(opening, SetupError);
  expect(error.message).toContain(error.file!.path);
  expect(error.message).toContain(error.remedy);
  expect(error.message).not.toContain('BEGIN PRIVATE');
  return error;
}

describe('the certificate store', () => {
  it('answers a server name with the exact name, then a wildcard of one label, then the first', async () => {
    await using folder = await temporaryFolder();
    const { store } = await openStore(folder, {
      first: { dns: ['first.example'] },
      wild: { dns: ['*.wild.example'] },
      exact: { dns: ['exact.wild.example', 'Other.Example'] },
    });
    expect(await namesShown(store, 'first.example')).toBe('DNS:first.example');
    expect(await namesShown(store, 'a.wild.example')).toBe('DNS:*.wild.example');
    expect(await namesShown(store, 'EXACT.wild.example')).toBe('DNS:exact.wild.example, DNS:Other.Example');
    expect(await namesShown(store, 'other.example')).toBe('DNS:exact.wild.example, DNS:Other.Example');
    expect(await namesShown(store, 'a.b.wild.example')).toBe('DNS:first.example');
    expect(await namesShown(store, 'wild.example')).toBe('DNS:first.example');
    expect(await namesShown(store)).toBe('DNS:first.example');
    expect(
      ['a.wild.example', 'wild.example', 'first.example', 'localhost'].map((name) => store.covers(name)),
    ).toEqual([true, false, true, false]);
    store.close();
  });

  it('answers to configured domains in place of those in the certificate', async () => {
    await using folder = await temporaryFolder();
    const first = await writePair(folder, 'first', authority.issue({ dns: ['first.example'] }));
    const second = await writePair(folder, 'second', authority.issue({ dns: ['second.example'] }));
    const store = await CertificateStore.open({
      certificates: [first, { ...second, domains: ['Elsewhere.example'] }],
      report: () => {},
    });
    expect(store.covers('elsewhere.example')).toBe(true);
    expect(store.covers('second.example')).toBe(false);
    store.close();
  });

  it('shares one context between the connections of a certificate', async () => {
    await using folder = await temporaryFolder();
    const { store } = await openStore(folder, { a: { dns: ['a.example', 'b.example'] } });
    expect(store.contextFor('a.example')).toBe(store.contextFor('b.example'));
    store.close();
  });

  it('reports the end of its certificates', async () => {
    await using folder = await temporaryFolder();
    const notAfter = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 3 * dayMs);
    const { store } = await openStore(folder, { a: { notAfter } });
    expect(store.expiries()).toEqual([{ name: 'a', notAfter: notAfter.getTime() }]);
    store.close();
  });

  it('reports a certificate outside its validity and serves it', async () => {
    await using folder = await temporaryFolder();
    const { store, files, reports } = await openStore(
      folder,
      { old: {} },
      { now: () => Date.now() + 60 * dayMs },
    );
    expect(reports).toEqual([{ kind: 'expired', name: 'old', path: files[0]!.certFile }]);
    store.close();
    const early = await openStore(folder, { new: {} }, { now: () => Date.now() - 60 * dayMs });
    expect(early.reports).toMatchObject([{ kind: 'not-yet-valid', name: 'new' }]);
    early.store.close();
  });
});

describe('loading at start fails clearly', () => {
  const issued = authority.issue({ dns: ['a.example'] });

  const truncated = issued.cert.replace(/(-----BEGIN CERTIFICATE-----\n.{40})[^-]*/, '$1\n');
  it.each([
    ['no certificate file', undefined, issued.key, 'ERR_CERTIFICATE_UNREADABLE', 'certificate'],
    ['no key file', issued.cert, undefined, 'ERR_CERTIFICATE_UNREADABLE', 'key'],
    ['an empty certificate file', '', issued.key, 'ERR_CERTIFICATE_INVALID', 'certificate'],
    ['a truncated certificate', truncated, issued.key, 'ERR_CERTIFICATE_INVALID', 'certificate'],
    ['a broken issuer', issued.cert + truncated, issued.key, 'ERR_CERTIFICATE_INVALID', 'certificate'],
    ['a key file without a key', issued.cert, 'nothing', 'ERR_CERTIFICATE_KEY_INVALID', 'key'],
    [
      "another certificate's key",
      issued.cert,
      authority.issue({}).key,
      'ERR_CERTIFICATE_KEY_MISMATCH',
      'key',
    ],
    ['the issuer first', authority.cert + issued.cert, issued.key, 'ERR_CERTIFICATE_KEY_MISMATCH', 'key'],
  ])('%s', async (_, cert, key, code, role) => {
    const error = await failure(cert, key);
    expect(error.code).toBe(code);
    expect(error.file?.role).toBe(role);
  });
});

describe('a changed certificate', () => {
  it('serves new connections while old ones go on', async () => {
    await using folder = await temporaryFolder();
    const { store, files, reports } = await openStore(folder, { a: { dns: ['old.example'] } });
    await using server = await loopback((accepted) => {
      void secureClient(accepted, { certificates: store, handshakeTimeoutMs: 2_000 }).then(({ socket }) =>
        socket.on('data', (chunk: Buffer) => socket.write(chunk)),
      );
    });
    const dial = async (): Promise<TLSSocket> => {
      const client = connect({ port: server.port, ca: authority.cert, checkServerIdentity: () => undefined });
      await once(client, 'secureConnect');
      return client;
    };
    const before = await dial();
    const renewed = authority.issue({ dns: ['new.example'] });
    await writeFile(files[0]!.certFile, renewed.cert);
    await writeFile(files[0]!.keyFile, renewed.key);
    await eventually(() => reports.some((report) => report.kind === 'reloaded'));
    const after = await dial();
    expect(before.getPeerX509Certificate()?.subjectAltName).toBe('DNS:old.example');
    expect(after.getPeerX509Certificate()?.subjectAltName).toBe('DNS:new.example');
    expect([store.covers('old.example'), store.covers('new.example')]).toEqual([false, true]);
    before.write('still here');
    expect(String((await once(before, 'data'))[0])).toBe('still here');
    before.destroy();
    after.destroy();
    store.close();
  });

  it('is not used while it is broken, which is reported once, and is used once it is whole', async () => {
    await using folder = await temporaryFolder();
    const { store, files, reports } = await openStore(
      folder,
      { a: { dns: ['old.example'] } },
      { pollMs: 30 },
    );
    const renewed = authority.issue({ dns: ['new.example'] });
    const [{ certFile, keyFile } = { certFile: '', keyFile: '' }] = files;
    await writeFile(certFile, renewed.cert);
    await eventually(() => reports.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const mismatch = { code: 'ERR_CERTIFICATE_KEY_MISMATCH', file: keyFile, line: 1, column: 1 };
    expect(reports).toMatchObject([{ kind: 'rejected', name: 'a', problems: [mismatch] }]);
    expect(await namesShown(store)).toBe('DNS:old.example');
    await rm(keyFile);
    await eventually(() => reports.length > 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(reports.slice(1)).toMatchObject([
      { kind: 'rejected', problems: [{ code: 'ERR_CERTIFICATE_UNREADABLE', file: keyFile }] },
    ]);
    await writeFile(keyFile, renewed.key);
    await eventually(() => reports.some((report) => report.kind === 'reloaded'));
    expect(await namesShown(store)).toBe('DNS:new.example');
    store.close();
  });

  it('is noticed when Kubernetes swaps the ..data link', async () => {
    await using folder = await temporaryFolder();
    const generation = async (name: string, dns: string): Promise<void> => {
      const issued = authority.issue({ dns: [dns] });
      await mkdir(join(folder.path, name));
      await writeFile(join(folder.path, name, 'tls.crt'), issued.cert);
      await writeFile(join(folder.path, name, 'tls.key'), issued.key);
      await symlink(name, join(folder.path, '..data_tmp'));
      await rename(join(folder.path, '..data_tmp'), join(folder.path, '..data'));
    };
    await generation('..1', 'one.example');
    await symlink('..data/tls.crt', join(folder.path, 'tls.crt'));
    await symlink('..data/tls.key', join(folder.path, 'tls.key'));
    const reports: CertificateReport[] = [];
    const store = await CertificateStore.open({
      certificates: [
        { name: 'a', certFile: join(folder.path, 'tls.crt'), keyFile: join(folder.path, 'tls.key') },
      ],
      report: (report) => reports.push(report),
      settleMs: 20,
      pollMs: 3_600_000,
    });
    for (const [name, dns] of [
      ['..2', 'two.example'],
      ['..3', 'three.example'],
    ] as const) {
      await generation(name, dns);
      await eventually(() => store.covers(dns));
    }
    expect(reports).toEqual([
      { kind: 'reloaded', name: 'a' },
      { kind: 'reloaded', name: 'a' },
    ]);
    store.close();
  });

  it('is found by polling where watching fails', async () => {
    await using folder = await temporaryFolder();
    await using elsewhere = await temporaryFolder();
    const target = await writePair(elsewhere, 'a', authority.issue({ dns: ['old.example'] }));
    // A link to a file in a folder that is not watched, rewritten in place.
    const certFile = join(folder.path, 'a.crt');
    const keyFile = join(folder.path, 'a.key');
    await symlink(target.certFile, certFile);
    await symlink(target.keyFile, keyFile);
    const store = await CertificateStore.open({
      certificates: [{ name: 'a', certFile, keyFile }],
      report: () => {},
      pollMs: 30,
    });
    await writePair(elsewhere, 'a', authority.issue({ dns: ['new.example'] }));
    await eventually(() => store.covers('new.example'));
    store.close();
  });

  it('is no longer looked for once the store is closed', async () => {
    await using folder = await temporaryFolder();
    const { store, reports } = await openStore(folder, { a: { dns: ['old.example'] } }, { pollMs: 20 });
    store.close();
    await writePair(folder, 'a', authority.issue({ dns: ['new.example'] }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(reports).toEqual([]);
    expect(store.covers('new.example')).toBe(false);
  });
});

describe('certificates for tests', () => {
  it('verify, name by name', () => {
    const issued = authority.issue({
      dns: ['a.example'],
      ipv4: ['127.0.0.1'],
      srv: ['_xmpp-client.a.example'],
    });
    const certificate = new X509Certificate(issued.cert);
    const root = new X509Certificate(authority.cert);
    expect(certificate.checkIssued(root) && certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toBe(
      'DNS:a.example, othername:SRVName:_xmpp-client.a.example, IP Address:127.0.0.1',
    );
  });
});
