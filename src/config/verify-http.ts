/** Verifies the files of the HTTP plane for `narthex check`. */
import { readFile } from 'node:fs/promises';
import { isOpenToAll } from '../documents/read.ts';
import type { ConfigPath } from './problem.ts';
import type { Config } from './schema.ts';
import { isInboundBearer } from './sections/provider.ts';
import { passwordOf } from './sections/state.ts';
import { verifyCertificates, verifyClient, verifyPair, type Report } from './verify-pem.ts';

const secretBytesMin = 32;

export async function verifyHttp(
  { http, provider, gatekeepers, certificates }: Config,
  now: number,
  report: Report,
): Promise<void> {
  if (http !== undefined) await verifyOwnCertificates(http, certificates, now, report);
  if (provider !== undefined) {
    await verifyClient(provider, ['provider'], now, report);
    for (const [index, file] of (provider.media?.keyFiles ?? []).entries())
      await verifySecret(file, ['provider', 'media', 'keyFiles', index], report);
    await verifyReferences(provider, now, report);
  }
  for (const [index, { enlistment, push, media }] of gatekeepers.entries()) {
    const at: ConfigPath = ['gatekeepers', index];
    await verifyClient({ caFile: enlistment?.caFile }, [...at, 'enlistment'], now, report);
    await verifyClient({ caFile: push?.caFile }, [...at, 'push'], now, report);
    for (const [part, pinned] of Object.entries({ push, media }))
      if (pinned?.certFile !== undefined)
        await verifyCertificates(pinned.certFile, [...at, part, 'certFile'], now, report);
  }
}

/** Verifies the credentials by which the provider is known when it asks for references. */
async function verifyReferences(
  { media }: NonNullable<Config['provider']>,
  now: number,
  report: Report,
): Promise<void> {
  const { certFile, bearerTokenFiles = [] } = media?.references ?? {};
  const at: ConfigPath = ['provider', 'media', 'references'];
  if (certFile !== undefined) await verifyCertificates(certFile, [...at, 'certFile'], now, report);
  for (const [index, file] of bearerTokenFiles.entries()) {
    const path = [...at, 'bearerTokenFiles', index];
    if (!isInboundBearer(await readFile(file, 'latin1')))
      report('ERR_CONFIG_SECRET', path, `${file} does not hold a bearer token of 32 characters or more`);
    if (isOpenToAll(file))
      report('ERR_CONFIG_SECRET', path, `${file} holds a secret that every user of the machine may open`);
  }
}

/** Verifies the certificates of the port, and that one of them has the name in `publicUrl`. */
async function verifyOwnCertificates(
  { certificates: own, publicUrl }: NonNullable<Config['http']>,
  shared: Config['certificates'],
  now: number,
  report: Report,
): Promise<void> {
  const at: ConfigPath = own === undefined ? ['certificates'] : ['http', 'certificates'];
  // Problems of the shared certificates are reported with their own section.
  const told: Report = own === undefined ? () => {} : report;
  const name = new URL(publicUrl).hostname;
  let covered = false;
  for (const [index, { certFile: cert, keyFile: key }] of (own ?? shared).entries()) {
    const paths = { certPath: [...at, index, 'certFile'], keyPath: [...at, index, 'keyFile'] };
    const [leaf] = await verifyPair({ cert, key, ...paths }, now, told);
    covered ||= leaf?.checkHost(name, { subject: 'never' }) !== undefined;
  }
  if (covered) return;
  const message = `no certificate of the public HTTP port covers \`${name}\``;
  report('ERR_CONFIG_CERTIFICATE_DOMAIN', ['http', 'publicUrl'], message, 'warning');
}

/** Verifies the secrets that load balancers share with the proxy. */
export async function verifyBalancers({ listeners, http }: Config, report: Report): Promise<void> {
  const ports: [ConfigPath, Config['listeners'][number]['proxyProtocol']][] = [
    ...listeners.map(({ proxyProtocol }, index): [ConfigPath, typeof proxyProtocol] => [
      ['listeners', index],
      proxyProtocol,
    ]),
    [['http'], http?.proxyProtocol],
  ];
  for (const [at, proxyProtocol] of ports)
    for (const [index, file] of (proxyProtocol?.authentication?.keyFiles ?? []).entries()) {
      const path = [...at, 'proxyProtocol', 'authentication', 'keyFiles', index];
      await verifySecret(file, path, report);
      if (isOpenToAll(file))
        report('ERR_CONFIG_SECRET', path, `${file} holds a secret that every user of the machine may open`);
    }
}

/** Verifies the secrets that the keys of accounts are derived from. */
export async function verifyAccountSecrets({ gatekeepers }: Config, report: Report): Promise<void> {
  for (const [at, { chat }] of gatekeepers.entries())
    for (const [index, file] of (chat?.accountSecretFiles ?? []).entries()) {
      const path = ['gatekeepers', at, 'chat', 'accountSecretFiles', index];
      await verifySecret(file, path, report);
      if (isOpenToAll(file))
        report('ERR_CONFIG_SECRET', path, `${file} holds a secret that every user of the machine may open`);
    }
}

/** Verifies the secrets and credentials for the store of shared state. */
export async function verifyState({ state }: Config, now: number, report: Report): Promise<void> {
  if (state === undefined) return;
  await verifyClient(state.redis, ['state', 'redis'], now, report);
  const openToAll = (file: string, path: ConfigPath): void => {
    if (isOpenToAll(file))
      report('ERR_CONFIG_SECRET', path, `${file} holds a secret that every user of the machine may open`);
  };
  for (const [index, file] of state.keyFiles.entries()) {
    const path = ['state', 'keyFiles', index];
    await verifySecret(file, path, report);
    openToAll(file, path);
  }
  const { passwordFile } = state.redis;
  if (passwordFile === undefined) return;
  const path = ['state', 'redis', 'passwordFile'];
  if (passwordOf(await readFile(passwordFile, 'latin1')) === undefined)
    report('ERR_CONFIG_SECRET', path, `${passwordFile} does not hold a password: one line of text`);
  openToAll(passwordFile, path);
}

async function verifySecret(file: string, path: ConfigPath, report: Report): Promise<void> {
  // Whether the file can be read was verified before.
  const { length } = await readFile(file);
  if (length >= secretBytesMin) return;
  report('ERR_CONFIG_SECRET', path, `${file} has ${length} bytes; a secret has ${secretBytesMin} at least`);
}
