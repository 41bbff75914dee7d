/** A provider's deployment over the published shapes alone: a provider that signs tokens, the simulated gatekeeper, the proxy
 *  between them, and fronts that can spoil what a client of the deployment sees. */
import { randomBytes } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import type { DeploymentOptions } from '../../src/conformance/deployment.ts';
import { startGatekeeperAlone, type GatekeeperAlone } from '../../src/simulator/alone.ts';
import { createDevelopmentAuthority, type CertificatePair } from '../../src/simulator/certificates.ts';
import type { ChatLoginRecord, ChatStoredRecord } from '../../src/simulator/chat/options.ts';
import type { RobotHabits } from '../../src/simulator/chat/robot.ts';
import { ChatUsers } from '../../src/simulator/chat/users.ts';
import type { FormRecord, FormRefusal } from '../../src/simulator/gatekeeper/published-enlistment.ts';
import {
  answer,
  header,
  json,
  jsonBody,
  type HttpAnswer,
  type HttpExchange,
} from '../../src/simulator/http/message.ts';
import { send } from '../../src/simulator/http/request.ts';
import { serveHttps, type IncomingRequest } from '../../src/simulator/http/server.ts';
import { createTokenIssuer, type TokenIssuer } from '../../src/simulator/token/issuer.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from './proxy.ts';
import { signingKeyFolder } from './signing-keys.ts';
import { temporaryFolder } from './temporary.ts';

export const audience = 'https://gatekeeper.example';
/** Secret of the provider's upload server. */
const uploadToken = 'u'.repeat(40);
export const publicUrl = 'https://proxy.example';
const intermediary = 'proxy.example';
const host = '127.0.0.1';
const integrator = 7;
export const subject = 'juliet@provider.example';

/** Returns Signal keys of a client, as the published form has them. */
export function publishedKeys(): Record<string, string> {
  const sizes = { e_regid: 4, e_ident: 32, e_skey_id: 3, e_skey_val: 32, e_skey_sig: 64 };
  const keys = Object.entries(sizes).map(([name, bytes]) => [name, randomBytes(bytes).toString('base64url')]);
  return { e_keytype: 'BQ', ...Object.fromEntries(keys) };
}

export interface Faults {
  readonly habits?: RobotHabits;
  readonly refusal?: FormRefusal;
  readonly users?: ChatUsers;
  /** Settings in `chat` of the proxy that differ. */
  readonly chat?: Record<string, unknown>;
  /** Claims of the token that differ. */
  readonly claims?: Record<string, string>;
  /** Returns what the client gets in place of the proxy's answer over HTTPS. */
  readonly http?: (request: IncomingRequest, given: HttpAnswer) => HttpAnswer;
  /** Returns what is left of the bytes of the stream. */
  readonly stream?: (direction: 'sent' | 'received', text: string) => string;
  /** Whether the proxy attests enlistments, and the gatekeeper requires it. */
  readonly attested?: 'by-the-proxy' | 'by-none';
  /** Whether the stored file is at the address that its reference names. */
  readonly stored?: boolean;
}

export interface PublishedDeployment extends AsyncDisposable {
  readonly proxy: TestProxy;
  readonly gatekeeper: GatekeeperAlone;
  readonly issuer: TokenIssuer;
  /** Authority of the ports that clients reach, in PEM form. */
  readonly ca: string;
  /** Base address of the proxy's HTTPS port, without a front. */
  readonly direct: string;
  /** The forms, logins, stanzas for absent users and calls of the gatekeeper. */
  readonly forms: FormRecord[];
  readonly logins: ChatLoginRecord[];
  readonly stored: ChatStoredRecord[];
  readonly exchanges: HttpExchange[];
  /** Bodies of the notifications that the provider received. */
  readonly pushes: string[];
  /** For the checklist. */
  readonly options: DeploymentOptions;
  close(): Promise<void>;
}

export async function startPublishedDeployment(
  faults: Faults = {},
  more: Partial<TestProxyOptions> = {},
): Promise<PublishedDeployment> {
  const folder = await temporaryFolder();
  const authority = createDevelopmentAuthority();
  const certificate = authority.issue(['localhost', host]);
  const issuer = await createTokenIssuer('https://provider.example');
  const pushes: string[] = [];
  const provider = await serveHttps({
    certificate,
    host,
    handle: (request) => {
      const { method, target, body } = request;
      if (method === 'POST') pushes.push(body.toString());
      if (method === 'POST') return answer(204);
      if (target === '/absent') return answer(404);
      return target === storedFile ? serveFile(request) : answer(200, issuer.jwks());
    },
  });
  const forms: FormRecord[] = [];
  const logins: ChatLoginRecord[] = [];
  const stored: ChatStoredRecord[] = [];
  const exchanges: HttpExchange[] = [];
  const gatekeeper = await startGatekeeperAlone({
    host,
    chatPort: 0,
    httpPort: 0,
    integrator,
    name: audience,
    provider: issuer.issuer,
    pushIssuer: 'WHATSAPP',
    versionField: 'version',
    ca: authority.certificate,
    users: faults.users ?? new ChatUsers(integrator),
    refusal: () => faults.refusal,
    onForm: (form) => forms.push(form),
    onExchange: (_, exchange) => exchanges.push(exchange),
    chat: { onLogin: (login) => logins.push(login), onStored: (record) => stored.push(record) },
    ...(faults.habits && { habits: faults.habits }),
    ...(faults.attested && { intermediary }),
  });
  const signingKeys = faults.attested === 'by-the-proxy' ? await signingKeyFolder() : undefined;
  const authorities = await folder.write('ca.pem', authority.certificate);
  const theirs = await folder.write('gatekeeper-ca.pem', gatekeeper.authority);
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.chatPort, tls: 'direct' },
    certificate: certificate.certificate,
    key: certificate.key,
    ca: authority.certificate,
    http: { publicUrl },
    provider: {
      issuer: issuer.issuer,
      jwksUri: `${provider.url}/jwks.json`,
      audiences: [audience],
      caFile: authorities,
      nonce: 'optional',
      push: { url: `${provider.url}/push` },
      media: {
        hosts: [provider.url],
        allowAddresses: [`${host}/32`],
        keyFiles: [await folder.writeBytes('media', randomBytes(32))],
        references: { bearerTokenFiles: [await folder.write('upload', uploadToken)] },
      },
    },
    gatekeeperHttp: {
      protocol: 'chat-channel',
      connect: { address: `${host}:${gatekeeper.chatPort}` },
      caFile: undefined,
      channelBinding: undefined,
      chat: {
        rootKey: gatekeeper.chat.root.key.toString('hex'),
        rootSerial: gatekeeper.chat.root.serial,
        accountSecretFiles: [await folder.writeBytes('accounts', randomBytes(32))],
        integrator,
        platform: 14,
        appVersion: [2, 3000, 1],
        ...faults.chat,
      },
      enlistment: { url: gatekeeper.services.enlistmentUrl, caFile: theirs },
      push: { issuer: 'WHATSAPP', jwksUri: gatekeeper.services.jwksUrl, caFile: theirs },
      media: {},
    },
    ...(signingKeys && {
      signals: {
        section: { issuer: intermediary, keysFolder: signingKeys.folder },
        attestation: { audience, carriers: { http: {} }, required: true },
      },
    }),
    ...more,
  });
  const direct = `https://${host}:${proxy.proxy.httpPort}`;
  await gatekeeper.services.attach(direct, publicUrl);
  const front = await openHttpFront(direct, certificate, authority.certificate, faults);
  const relay = await openStreamFront(proxy.direct, certificate, authority.certificate, faults);
  const reference = await referenceTo(
    `${provider.url}${faults.stored === false ? '/absent' : storedFile}`,
    direct,
    {
      ca: authority.certificate,
    },
  );
  const token = await issuer.sign({
    subject,
    audience,
    ...(faults.claims && { claims: faults.claims }),
  });
  const close = async (): Promise<void> => {
    relay.close();
    await proxy.close();
    await Promise.all([front.close(), gatekeeper.close(), provider.close()]);
    await signingKeys?.close();
    await folder[Symbol.asyncDispose]();
  };
  return {
    proxy,
    gatekeeper,
    issuer,
    ca: authority.certificate,
    direct,
    forms,
    logins,
    stored,
    exchanges,
    pushes,
    options: {
      http: front.url,
      endpoint: { host, port: relay.port, tls: 'direct', ca: authority.certificate, domain: 'localhost' },
      gatekeeper: 'test',
      token: () => token,
      peer: gatekeeper.romeo,
      media: `${front.url}${reference}`,
      timeoutMs: 5_000,
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const storedFile = '/file';

/** Serves a part of 100 bytes. */
function serveFile(request: IncomingRequest): HttpAnswer {
  const whole = { ...answer(200, undefined, [['ETag', '"1"']]), body: Buffer.alloc(100, 7) };
  if (header(request, 'range') !== 'bytes=0-0') return whole;
  return { status: 206, headers: [['Content-Range', 'bytes 0-0/100']], body: whole.body.subarray(0, 1) };
}

/** Asks for a reference, as the provider's upload server does.
 *  @returns the path by which the gatekeeper fetches */
async function referenceTo(address: string, base: string, caller: { readonly ca: string }): Promise<string> {
  const headers = [
    ['Content-Type', 'application/json'],
    ['Authorization', `Bearer ${uploadToken}`],
  ] as const;
  const body = json({ gatekeeper: 'test', address });
  const { answer: given } = await send(
    { method: 'POST', url: `${base}/media/references`, headers, body },
    caller,
  );
  return new URL(String(jsonBody(given)?.['url'])).pathname;
}

/** Passes requests on, one by one. */
function openHttpFront(to: string, certificate: CertificatePair, ca: string, { http }: Faults) {
  return serveHttps({
    certificate,
    host,
    async handle(request) {
      const headers = ['content-type', 'range', 'authorization'].flatMap((name) => {
        const value = header(request, name);
        return value === undefined ? [] : [[name, value] as const];
      });
      const method = request.method as 'GET' | 'POST';
      const { body } = request;
      const given = await send({ method, url: `${to}${request.target}`, headers, body }, { ca });
      const passed = { ...given.answer, headers: [] };
      return http?.(request, passed) ?? passed;
    },
  });
}

/** Passes bytes on, a record at a time. */
async function openStreamFront(to: number, certificate: CertificatePair, ca: string, { stream }: Faults) {
  const sockets = new Set<TLSSocket>();
  const { certificate: cert, key } = certificate;
  const server = createServer({ cert, key, ALPNProtocols: ['xmpp-client'] }, (client) => {
    const proxy = connect({ host, port: to, ca, servername: 'localhost', ALPNProtocols: ['xmpp-client'] });
    for (const [from, other, direction] of [
      [client, proxy, 'sent'],
      [proxy, client, 'received'],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        const text = bytes.toString('latin1');
        other.write(Buffer.from(stream?.(direction, text) ?? text, 'latin1'));
      });
      from.on('error', () => other.destroy());
      from.on('close', () => other.destroy());
      from.on('end', () => other.end());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
