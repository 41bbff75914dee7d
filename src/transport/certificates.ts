/** The proxy's own certificates, chosen by server name (RFC 6066 §3) and reloaded while connections live. New
 *  connections use a new certificate; live ones keep their TLS session. */
import type { SecureContext } from 'node:tls';
import { certificateNames } from './identity.ts';
import { parsePair } from './pem.ts';
import { Reloading, type ReloadReport, type SourceFile } from './reloading.ts';
import type { WatchOptions } from './files.ts';
import { serverContext, type ServerContextOptions } from './secure-context.ts';

/** Files of a certificate and its key, PEM. */
export interface CertificateFiles {
  /** Name in the configuration, for reports. */
  readonly name: string;
  /** The certificate, followed by its issuers without the root. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Server names that it serves, in place of its DNS names. */
  readonly domains?: readonly string[];
}

/** A certificate that works but is expired or not valid yet. */
interface ValidityWarning {
  readonly kind: 'expired' | 'not-yet-valid';
  readonly name: string;
  readonly path: string;
}

/** Reports of certificates while the process runs. */
export type CertificateReport = ReloadReport | ValidityWarning;

/** Options of a store. */
export interface CertificateStoreOptions extends WatchOptions {
  /** The first serves every name that no certificate has. Of two with one name, the first serves it. */
  readonly certificates: readonly [CertificateFiles, ...CertificateFiles[]];
  readonly tls?: ServerContextOptions;
  readonly report: (report: CertificateReport) => void;
  /** Returns milliseconds since 1970. */
  readonly now?: () => number;
}

/** The end of a certificate's validity, for a metric. */
export interface Expiry {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

interface Loaded {
  readonly context: SecureContext;
  readonly serverNames: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Certificates by server name. */
export class CertificateStore {
  readonly #options: CertificateStoreOptions;
  readonly #entries: { readonly files: CertificateFiles; readonly loaded: Reloading<Loaded> }[] = [];
  /** Certificates by server name or wildcard (`*.example.org`), in lower case. */
  #byName: ReadonlyMap<string, Reloading<Loaded>> = new Map();

  /** Loads every pair. A certificate outside its validity is reported and used: clients refuse it, and it can be
   *  replaced while the proxy runs.
   *  @throws SetupError when one cannot be loaded; no watch is left then */
  static async open(options: CertificateStoreOptions): Promise<CertificateStore> {
    const store = new CertificateStore(options);
    try {
      for (const files of options.certificates) {
        const loaded = await openPair(files, options, (report) => store.#note(report));
        store.#entries.push({ files, loaded });
      }
    } catch (error) {
      store.close();
      throw error;
    }
    store.#index();
    for (const { files } of store.#entries) store.#warn(files.name);
    return store;
  }

  private constructor(options: CertificateStoreOptions) {
    this.#options = options;
  }

  /** Returns the context for a server name from a ClientHello: that of the exact name, of a wildcard for its first
   *  label, or of the first certificate. Without a name, that of the first certificate. */
  contextFor(serverName: string | undefined): SecureContext {
    const loaded = serverName === undefined ? undefined : this.#find(serverName.toLowerCase());
    return (loaded ?? this.#entries[0]!.loaded).current.context;
  }

  /** Returns whether a certificate has this name. Clients refuse others (XEP-0368 §3, RFC 6120 §13.7). */
  covers(domain: string): boolean {
    return this.#find(domain.toLowerCase()) !== undefined;
  }

  expiries(): Expiry[] {
    return this.#entries.map(({ files, loaded }) => ({
      name: files.name,
      notAfter: loaded.current.notAfter,
    }));
  }

  /** Reads every file again now. */
  async refresh(): Promise<void> {
    await Promise.all(this.#entries.map(({ loaded }) => loaded.refresh()));
  }

  /** Stops watching. The contexts stay usable. */
  close(): void {
    for (const { loaded } of this.#entries) loaded.close();
  }

  #find(name: string): Reloading<Loaded> | undefined {
    const dot = name.indexOf('.');
    return this.#byName.get(name) ?? (dot === -1 ? undefined : this.#byName.get(`*${name.slice(dot)}`));
  }

  #note(report: ReloadReport): void {
    if (report.kind === 'reloaded') this.#index();
    this.#options.report(report);
    if (report.kind === 'reloaded') this.#warn(report.name);
  }

  #index(): void {
    const byName = new Map<string, Reloading<Loaded>>();
    for (const { loaded } of this.#entries)
      for (const name of loaded.current.serverNames) if (!byName.has(name)) byName.set(name, loaded);
    this.#byName = byName;
  }

  #warn(name: string): void {
    const now = (this.#options.now ?? Date.now)();
    for (const { files, loaded } of this.#entries) {
      if (files.name !== name) continue;
      const { notBefore, notAfter } = loaded.current;
      const path = files.certFile;
      if (now > notAfter) this.#options.report({ kind: 'expired', name, path });
      if (now < notBefore) this.#options.report({ kind: 'not-yet-valid', name, path });
    }
  }
}

function openPair(
  { name, certFile, keyFile, domains }: CertificateFiles,
  { tls = {}, settleMs, pollMs }: CertificateStoreOptions,
  report: (report: ReloadReport) => void,
): Promise<Reloading<Loaded>> {
  const certificate: SourceFile = { role: 'certificate', path: certFile };
  const key: SourceFile = { role: 'key', path: keyFile };
  return Reloading.open({
    name,
    files: [certificate, key],
    report,
    ...(settleMs === undefined ? {} : { settleMs }),
    ...(pollMs === undefined ? {} : { pollMs }),
    build([certificateText = '', keyText = '']) {
      const leaf = parsePair({ certificate: certificateText, key: keyText }, { certificate, key });
      return {
        context: serverContext({ cert: certificateText, key: keyText }, tls, certificate),
        serverNames:
          domains?.map((domain) => domain.toLowerCase()) ?? certificateNames(leaf.subjectAltName).dns,
        notBefore: leaf.validFromDate.getTime(),
        notAfter: leaf.validToDate.getTime(),
      };
    },
  });
}
