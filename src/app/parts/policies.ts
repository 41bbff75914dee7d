/** The policies of a running proxy: one scope for the top level of the configuration, and one for each gatekeeper that has
 *  a section `policy` of its own. No scope sees another: each is read, checked, watched and replaced by itself. The
 *  catalogue and the obligations are read at the start only: the scanner's names are made of the catalogue. */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { configErrors } from '../../errors/config.ts';
import { ConfigError, formatPath, type ConfigPath, type ConfigProblem } from '../../config/problem.ts';
import { policySections } from '../../config/scopes.ts';
import type { MediaAddresses } from '../../minimisation/media-address.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { vocabularyOf } from '../../policy/compile.ts';
import type { PoliciesInForce } from '../../policy/enforcement.ts';
import type { PolicySubject } from '../../policy/subject.ts';
import type { Names } from '../../stanza/names.ts';
import type { WatchOptions } from '../../transport/files.ts';
import { digestOf } from '../files/digest.ts';
import {
  FileMissing,
  openCatalogueFiles,
  openObligations,
  PolicyRefused,
  type OpenCatalogue,
} from '../files/policies.ts';
import type { AccountPolicies } from '../../session/policy/policy-stage.ts';
import type { PolicyDigests, PolicyReport, PolicySessions } from '../observer.ts';
import type { Part } from '../part.ts';
import {
  PolicyScope,
  readSecret,
  secretBytesMin,
  type PolicyDocuments,
  type PolicySurroundings,
} from './policy-scope.ts';
import { shareOf } from './share.ts';

export interface PolicyRuntimeOptions extends WatchOptions {
  readonly config: Config['policy'];
  /** The catalogue of `config`, where it has been read already. */
  readonly catalogue?: OpenCatalogue | undefined;
  /** Gatekeepers, with a section of their own or without. */
  readonly gatekeepers?: readonly Pick<Config['gatekeepers'][number], 'name' | 'policy'>[];
  /** The media servers whose addresses a policy can seal. */
  readonly media?: MediaAddresses | undefined;
  /** Further names that the scanner must have. */
  readonly vocabulary?: { readonly namespaces: readonly string[]; readonly locals: readonly string[] };
  /** Returns what conditions of exceptions can be about; undefined when that is unknown. */
  readonly knowable?: PolicySurroundings['knowable'];
  readonly report: (report: PolicyReport) => void;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

/** Reads, checks and compiles the policies of a configuration, and watches their files.
 *  @throws ConfigError ERR_CONFIG_POLICY with every problem of every scope */
export function openPolicyRuntime(options: PolicyRuntimeOptions): PolicyRuntime {
  const { config, gatekeepers = [], report } = options;
  const around = refusing(['policy'], () => ({
    ...surroundingsOf(options),
    shareKey: shareKeyOf(config),
  }));
  if (around.kind === 'refused') throw new ConfigError(around.problems);
  const openings = policySections({ policy: config, gatekeepers }).map(({ path, section, ...name }) =>
    refusing(path, () => new PolicyScope(name, section, around.value)),
  );
  const scopes = openings.flatMap((opening) => (opening.kind === 'open' ? [opening.value] : []));
  if (scopes.length < openings.length) {
    for (const scope of scopes) scope.close();
    throw new ConfigError(
      openings.flatMap((opening) => (opening.kind === 'refused' ? opening.problems : [])),
    );
  }
  if (config.keyFiles.length === 0) report({ kind: 'ephemeral-key' });
  if (config.shareKeyFile === undefined && scopes.some(({ percents }) => percents.length > 0))
    report({ kind: 'ephemeral-share-key' });
  return new PolicyRuntime(scopes, around.value);
}

type Opening<T> =
  | { readonly kind: 'open'; readonly value: T }
  | { readonly kind: 'refused'; readonly problems: readonly ConfigProblem[] };

function refusing<T>(path: ConfigPath, open: () => T): Opening<T> {
  try {
    return { kind: 'open', value: open() };
  } catch (error) {
    return { kind: 'refused', problems: problemsOf(path, error) };
  }
}

function problemsOf(path: ConfigPath, error: unknown): ConfigProblem[] {
  if (error instanceof PolicyRefused) {
    return error.diagnostics.map(({ file, line, column, code, field, reason, remedy }) =>
      problem(path, `${code}${field === undefined ? '' : ` ${field}`}: ${reason}`, {
        place: { file, line, column },
        ...(remedy === '' ? {} : { remedy }),
      }),
    );
  }
  if (error instanceof FileMissing) return [problem(path, error.message, { remedy: `${error.remedy}.` })];
  throw error;
}

function problem(
  path: ConfigPath,
  message: string,
  more: Pick<Partial<ConfigProblem>, 'place' | 'remedy'> = {},
): ConfigProblem {
  const { remedy } = configErrors.ERR_CONFIG_POLICY;
  return {
    severity: 'error',
    code: 'ERR_CONFIG_POLICY',
    path: formatPath(path),
    message,
    remedy,
    ...more,
  };
}

/** Reads the key that gives accounts to shares, or makes one.
 *  @throws PolicyRefused, FileMissing */
function shareKeyOf({ shareKeyFile }: Config['policy']): Uint8Array {
  return shareKeyFile === undefined ? randomBytes(secretBytesMin) : readSecret(shareKeyFile);
}

/** Reads what all scopes share.
 *  @throws PolicyRefused, FileMissing */
function surroundingsOf(options: PolicyRuntimeOptions): PolicySurroundings {
  const { config, media, knowable, vocabulary, report, clock, settleMs, pollMs } = options;
  const { catalogue, files } = options.catalogue ?? openCatalogueFiles(config.catalogue);
  return {
    catalogue,
    catalogueDigest: digestOf(files.map(({ text }) => text)),
    obligations: openObligations(config.obligations),
    names: vocabularyOf(catalogue, vocabulary),
    keyFiles: config.keyFiles,
    ephemeralSecret: randomBytes(secretBytesMin),
    media,
    knowable,
    report,
    clock,
    ...(settleMs === undefined ? {} : { settleMs }),
    ...(pollMs === undefined ? {} : { pollMs }),
  };
}

/** The scopes of a proxy. Getters without a parameter are about the top level. */
export class PolicyRuntime implements Part, AccountPolicies {
  /** The scanner's names. */
  readonly names: Names;
  readonly catalogue: Catalogue;
  /** The top level first, then the gatekeepers with a section of their own. */
  readonly scopes: readonly PolicyScope[];
  readonly #top: PolicyScope;
  readonly #byGatekeeper: ReadonlyMap<string, PolicyScope>;
  readonly #shareKey: KeyObject;
  /** Sessions by gatekeeper, by share. */
  readonly #sessions = new Map<string, number[]>();

  /** @param scopes the top level first */
  constructor(
    scopes: readonly PolicyScope[],
    { names, catalogue, shareKey }: PolicySurroundings & { readonly shareKey: Uint8Array },
  ) {
    this.#shareKey = createSecretKey(shareKey);
    this.names = names;
    this.catalogue = catalogue;
    this.scopes = scopes;
    this.#top = scopes[0]!;
    this.#byGatekeeper = new Map(
      scopes.flatMap((scope) => scope.name.gatekeepers.map((gatekeeper) => [gatekeeper, scope] as const)),
    );
  }

  /** Returns the scope for a gatekeeper; the top level for a name that is not configured. */
  scopeOf(gatekeeper: string): PolicyScope {
    return this.#byGatekeeper.get(gatekeeper) ?? this.#top;
  }

  /** Returns the policies for a subject. */
  readonly inForceFor = ({ gatekeeper, share }: PolicySubject): PoliciesInForce =>
    this.scopeOf(gatekeeper).inForceFor(share);

  get current(): PoliciesInForce {
    return this.#top.inForceFor(0);
  }

  shareOf(gatekeeper: string, account: string): number {
    const { percents } = this.scopeOf(gatekeeper);
    return percents.length === 0 ? 0 : shareOf(this.#shareKey, { gatekeeper, account }, percents);
  }

  entered(gatekeeper: string, share: number): void {
    const counts = this.#sessions.get(gatekeeper) ?? [];
    counts[share] = (counts[share] ?? 0) + 1;
    this.#sessions.set(gatekeeper, counts);
  }

  left(gatekeeper: string, share: number): void {
    this.#sessions.get(gatekeeper)![share]! -= 1;
  }

  /** Returns the number of authenticated sessions of each policy. */
  sessions(): readonly PolicySessions[] {
    return this.scopes.flatMap(({ name: { gatekeepers }, documents: { enforced, share } }) =>
      gatekeepers.flatMap((gatekeeper) =>
        [enforced, ...share.map(({ policy }) => policy)].map(({ name }, index) => ({
          gatekeeper,
          policy: name,
          sessions: this.#sessions.get(gatekeeper)?.[index] ?? 0,
        })),
      ),
    );
  }

  /** Returns the documents in force, as written. */
  get documents(): PolicyDocuments {
    return this.#top.documents;
  }

  /** Returns the digests of the policies in force, of the shadow and of the catalogue. */
  get digests(): PolicyDigests {
    return this.#top.digests;
  }

  /** `rejected`: newer files have errors, so these are still in force. */
  get state(): 'loaded' | 'rejected' {
    return this.#top.state;
  }

  /** Reads the files of every scope again, and applies those that have changed. */
  async refresh(): Promise<void> {
    await Promise.all(this.scopes.map((scope) => scope.refresh()));
  }

  close(): void {
    for (const scope of this.scopes) scope.close();
  }
}
