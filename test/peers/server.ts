/**
 * A real XMPP server in a temporary folder on loopback ports of its own: started, awaited until both listeners show
 * their stream features, stopped by its process id, its folder removed. What differs between servers is a recipe.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../src/app/demo/free-port.ts';
import { issueCertificates, type TestCertificates } from './certificates.ts';
import { offeredMechanisms, type TlsMode } from './probe.ts';
import { startProcess, type Command, type PeerProcess } from './process.ts';
import { ready } from './ready.ts';

export interface ServerOptions {
  /** The JID domain served. Default `localhost`, the one name every client here can also connect to. */
  readonly domain?: string;
  /** Whether the SCRAM-…-PLUS mechanisms (RFC 5802 §6) are offered. Default false. */
  readonly channelBinding?: boolean;
  /** How its certificate is signed. Default ECDSA. */
  readonly certificate?: 'ecdsa' | 'rsa';
  /** What Prosody 13 has as `tls_server_end_point_hash`: `hash` of its certificate, or `auto`. Default: nothing, and
   *  `tls-server-end-point` (RFC 5929 §4) is not offered. */
  readonly endPointBinding?: 'hash' | 'auto';
  /** Whether PLAIN (RFC 4616) is offered as well as SCRAM. Default false: who logs in has used SCRAM. */
  readonly plain?: boolean;
  /** Whether the server's own default decides which mechanisms are offered; then `channelBinding` and `plain` count
   *  for nothing. Default false. */
  readonly defaultMechanisms?: boolean;
  /** Modules of `deploy/prosody` to load, by name. Prosody only. */
  readonly modules?: readonly string[];
  /** A configuration file to include before what the tests need. Prosody only. */
  readonly include?: string;
  /** Also offers OAUTHBEARER (RFC 7628), for these tokens: localpart by token. Prosody, by a module of the tests. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** A free port for one more listener, with direct TLS, that wants a PROXY protocol header first. Servers that know
   *  none ignore it. */
  readonly proxyProtocolPort?: number;
  /** Passwords by localpart, in place of those of juliet and romeo. */
  readonly accounts?: Accounts;
  /** Whether messages for a user who is offline are kept (XEP-0160), and so are those that a stream has not acknowledged
   *  at its end. Default true; ejabberd keeps the latter only where this is set. */
  readonly keepsMessages?: boolean;
  /** Whether files can be uploaded (XEP-0363), over HTTPS at a port of its own. Default false. */
  readonly uploads?: boolean;
  /** Whether XMPP over WebSocket (RFC 7395) is served, at `/xmpp-websocket` of a port of its own. Default false. */
  readonly webSocket?: boolean;
}

/** Password by localpart. */
type Accounts = Readonly<Record<string, string>>;

/** What a recipe is given to write a configuration from. Paths are absolute. */
export interface Site {
  readonly folder: string;
  readonly domain: string;
  readonly host: string;
  readonly ports: Readonly<Record<TlsMode, number>>;
  readonly chainFile: string;
  readonly keyFile: string;
  readonly channelBinding: boolean;
  readonly plain: boolean;
  readonly defaultMechanisms: boolean;
  readonly endPointBinding: 'hash' | 'auto' | undefined;
  readonly modules: readonly string[];
  readonly include: string | undefined;
  readonly tokens: Readonly<Record<string, string>> | undefined;
  /** SHA-256 of the certificate: what `tls-server-end-point` binds to (RFC 5929 §4.1). */
  readonly endPoint: string;
  readonly proxyProtocolPort: number | undefined;
  /** For uploads; undefined without them. */
  readonly uploadPort: number | undefined;
  /** For WebSockets; undefined without them. */
  readonly webSocketPort: number | undefined;
  readonly accounts: Accounts;
  readonly keepsMessages: boolean | undefined;
}

export interface Recipe {
  readonly name: string;
  /** Writes configuration and accounts below `site.folder`, and tells how to start the server in the foreground. */
  prepare(site: Site): Promise<Start>;
}

interface Start extends Omit<Command, 'folder' | 'log'> {
  /** A file the server leaves when its accounts exist, if it makes them only after it started to listen. */
  readonly readyFile?: string;
}

export interface PeerServer {
  readonly name: string;
  readonly domain: string;
  readonly host: string;
  readonly ports: Readonly<Record<TlsMode, number>>;
  /** Set where the server was started with it. */
  readonly webSocketPort: number | undefined;
  readonly accounts: Accounts;
  readonly certificates: TestCertificates;
  /** Holds its configuration, data and logs. */
  readonly folder: string;
  /** The SASL mechanisms the server offers over `mode`. */
  mechanisms(mode: TlsMode): Promise<string[]>;
  /** Its process, which changes with a restart. */
  readonly pid: number;
  /** Ends it, waits, and starts it again on the same ports, with the same data.
   *  @param options.signal default SIGTERM
   *  @param options.downMs how long it is away. Default 0 */
  restart(options?: { readonly signal?: 'SIGTERM' | 'SIGKILL'; readonly downMs?: number }): Promise<void>;
  close(): Promise<void>;
}

/** Beyond what a server takes on a machine under load: ejabberd has taken 100 s where it takes 5 s otherwise. */
const readyTimeoutMs = 300_000;

const usualAccounts: Accounts = { juliet: 'R0m30, wherefore?', romeo: "But soft! What's l1ght" };

export async function startServer(recipe: Recipe, options: ServerOptions = {}): Promise<PeerServer> {
  const domain = options.domain ?? 'localhost';
  const host = '127.0.0.1';
  const certificates = issueCertificates([domain, `conference.${domain}`], options.certificate);
  const folder = await mkdtemp(join(tmpdir(), `narthex-${recipe.name}-`));
  let server: PeerProcess | undefined;
  const close = async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };

  try {
    const [starttls, direct, upload, web] = (await freePorts(4, host)) as [number, number, number, number];
    const ports = { starttls, direct };
    const chainFile = join(folder, 'chain.pem');
    const keyFile = join(folder, 'key.pem');
    await writeFile(chainFile, certificates.chain);
    await writeFile(keyFile, certificates.key, { mode: 0o600 });
    const { channelBinding = false, plain = false, defaultMechanisms = false, modules = [] } = options;
    const { tokens, proxyProtocolPort, uploads = false, accounts = usualAccounts, keepsMessages } = options;
    const endPoint = createHash('sha256').update(new X509Certificate(certificates.chain).raw).digest('hex');
    const files = { folder, chainFile, keyFile };
    const offers = {
      channelBinding,
      plain,
      defaultMechanisms,
      endPointBinding: options.endPointBinding,
      modules,
      include: options.include,
      tokens,
      proxyProtocolPort,
      uploadPort: uploads ? upload : undefined,
      webSocketPort: options.webSocket === true ? web : undefined,
      keepsMessages,
    };
    const site = { ...files, ...offers, domain, host, ports, endPoint, accounts };

    const start = await recipe.prepare(site);
    const target = (mode: TlsMode) => ({
      host,
      port: ports[mode],
      mode,
      domain,
      authority: certificates.authority,
    });
    const run = async (): Promise<void> => {
      if (start.readyFile !== undefined) await rm(start.readyFile, { force: true });
      server = startProcess({ ...start, folder, log: join(folder, 'output.log') });
      await ready(recipe.name, server, readyTimeoutMs, async () => {
        await offeredMechanisms(target('starttls'));
        await offeredMechanisms(target('direct'));
        if (start.readyFile !== undefined) await access(start.readyFile);
      });
    };
    await run();
    return {
      name: recipe.name,
      domain,
      host,
      ports,
      webSocketPort: site.webSocketPort,
      accounts,
      certificates,
      folder,
      mechanisms: (mode) => offeredMechanisms(target(mode)),
      get pid() {
        return server!.pid!;
      },
      async restart({ signal = 'SIGTERM', downMs = 0 } = {}) {
        await server!.stop(signal);
        await sleep(downMs);
        await run();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
