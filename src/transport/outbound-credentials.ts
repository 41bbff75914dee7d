/** Credentials for dialling a gatekeeper: trusted authorities, and optionally a client certificate. They are
 *  reloaded like server certificates; each dial uses the current ones. */
import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { WatchOptions } from './files.ts';
import { parseCertificates, parsePair } from './pem.ts';
import { Reloading, type ReloadReport, type SourceFile } from './reloading.ts';
import { clientContext, type TlsVersion } from './secure-context.ts';

/** Options of one gatekeeper's credentials. */
export interface OutboundCredentialsOptions extends WatchOptions {
  /** Name of the gatekeeper in the configuration, for reports. */
  readonly name: string;
  /** PEM bundle of the only trusted authorities. Without it, those that come with Node. */
  readonly caFile?: string;
  /** Client certificate (with its chain) and key, for gatekeepers that require one. */
  readonly client?: { readonly certFile: string; readonly keyFile: string };
  /** Oldest TLS version to accept. Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  readonly report: (report: ReloadReport) => void;
}

type Contexts = Readonly<Record<TlsVersion | 'any', SecureContext>> & {
  /** SHA-256 of the client certificate in DER. */
  readonly certificateSha256: Buffer | undefined;
  /** End of the client certificate's validity in milliseconds since 1970. */
  readonly notAfter: number | undefined;
};

/** The current credentials for one gatekeeper. */
export class OutboundCredentials {
  readonly #contexts: Reloading<Contexts>;

  /** Loads the files.
   *  @throws SetupError when one cannot be loaded */
  static async open(options: OutboundCredentialsOptions): Promise<OutboundCredentials> {
    const files = sources(options);
    return new OutboundCredentials(
      await Reloading.open({
        name: options.name,
        files: [files.authorities, files.certificate, files.key].filter((file) => file !== undefined),
        report: options.report,
        ...(options.settleMs === undefined ? {} : { settleMs: options.settleMs }),
        ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
        build: (texts) => build(texts, files, options.minVersion ?? 'TLSv1.2'),
      }),
    );
  }

  private constructor(contexts: Reloading<Contexts>) {
    this.#contexts = contexts;
  }

  /** Returns the context to dial with.
   *  @param version the only one to use: SCRAM with downgrade protection compares the two legs (XEP-0515) */
  context(version: TlsVersion | 'any' = 'any'): SecureContext {
    return this.#contexts.current[version];
  }

  /** Returns SHA-256 of the client certificate (DER) in a context taken in the same turn (RFC 8705 §3.1); undefined
   *  without one. */
  certificateSha256(): Uint8Array | undefined {
    return this.#contexts.current.certificateSha256;
  }

  /** Returns the end of the client certificate's validity in milliseconds since 1970; undefined without one. */
  certificateNotAfter(): number | undefined {
    return this.#contexts.current.notAfter;
  }

  /** Reads every file again now. */
  refresh(): Promise<void> {
    return this.#contexts.refresh();
  }

  /** Stops watching. */
  close(): void {
    this.#contexts.close();
  }
}

interface Sources {
  readonly authorities: SourceFile | undefined;
  readonly certificate: SourceFile | undefined;
  readonly key: SourceFile | undefined;
}

function sources({ caFile, client }: OutboundCredentialsOptions): Sources {
  return {
    authorities: caFile === undefined ? undefined : { role: 'authorities', path: caFile },
    certificate: client === undefined ? undefined : { role: 'certificate', path: client.certFile },
    key: client === undefined ? undefined : { role: 'key', path: client.keyFile },
  };
}

function build(
  texts: readonly string[],
  { authorities, certificate, key }: Sources,
  minVersion: TlsVersion,
): Contexts {
  const queue = [...texts];
  const ca = authorities === undefined ? undefined : queue.shift()!;
  if (authorities !== undefined) parseCertificates(ca!, authorities);
  const [cert, keyText] = queue;
  const pair = cert === undefined || keyText === undefined ? undefined : { cert, key: keyText };
  const leaf =
    pair && parsePair({ certificate: pair.cert, key: pair.key }, { certificate: certificate!, key: key! });
  const context = (minVersion: TlsVersion, maxVersion: TlsVersion): SecureContext =>
    clientContext({ ca, pair }, { minVersion, maxVersion }, certificate ?? authorities);
  return {
    any: context(minVersion, 'TLSv1.3'),
    'TLSv1.2': context('TLSv1.2', 'TLSv1.2'),
    'TLSv1.3': context('TLSv1.3', 'TLSv1.3'),
    certificateSha256: leaf && createHash('sha256').update(leaf.raw).digest(),
    notAfter: leaf?.validToDate.getTime(),
  };
}
