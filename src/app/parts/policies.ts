/** The policies of a running proxy: read, checked and compiled at the start, and again when a file changes. Broken
 *  files never replace a policy in force. The catalogue is read at the start only: the scanner's names come from it. */
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { shippedPolicyName } from '../../config/sections/policy.ts';
import { configErrors } from '../../errors/config.ts';
import { ConfigError, type ConfigProblem } from '../../config/problem.ts';
import type { Config } from '../../config/schema.ts';
import { readRegularFile } from '../../documents/read.ts';
import type { MediaAddresses } from '../../minimisation/media-address.ts';
import { Pseudonyms } from '../../minimisation/pseudonymise.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { checkPolicy } from '../../policy/check.ts';
import { CompiledPolicy, vocabularyOf } from '../../policy/compile.ts';
import { errorAt, hasErrors } from '../../policy/diagnostic.ts';
import type { Obligation } from '../../policy/obligations.ts';
import type { Policy } from '../../policy/policy.ts';
import type { PoliciesInForce } from '../../policy/enforcement.ts';
import type { Names } from '../../stanza/names.ts';
import type { WatchOptions } from '../../transport/files.ts';
import { Refresher } from '../../transport/refresher.ts';
import {
  FileMissing,
  openCatalogueFiles,
  openObligations,
  openPolicyFiles,
  PolicyRefused,
} from '../files/policies.ts';
import { digestOf } from '../files/digest.ts';
import type { PolicyDigests, PolicyReport } from '../observer.ts';
import type { Part } from '../part.ts';

/** Reads, checks and compiles the policies of a configuration, and watches their files.
 *  @throws ConfigError ERR_CONFIG_POLICY with every problem */
export function openPolicyRuntime(options: PolicyRuntimeOptions): PolicyRuntime {
  try {
    return new PolicyRuntime(options);
  } catch (error) {
    throw new ConfigError(problemsOf(error));
  }
}

function problemsOf(error: unknown): ConfigProblem[] {
  if (error instanceof PolicyRefused) {
    return error.diagnostics.map(({ file, line, column, code, field, reason, remedy }) =>
      problem(`${code}${field === undefined ? '' : ` ${field}`}: ${reason}`, {
        place: { file, line, column },
        ...(remedy === '' ? {} : { remedy }),
      }),
    );
  }
  if (error instanceof FileMissing) return [problem(error.message, { remedy: `${error.remedy}.` })];
  throw error;
}

function problem(
  message: string,
  more: Pick<Partial<ConfigProblem>, 'place' | 'remedy'> = {},
): ConfigProblem {
  const { remedy } = configErrors.ERR_CONFIG_POLICY;
  return { severity: 'error', code: 'ERR_CONFIG_POLICY', path: 'policy', message, remedy, ...more };
}

export interface PolicyRuntimeOptions extends WatchOptions {
  readonly config: Config['policy'];
  /** The media servers whose addresses a policy can seal. */
  readonly media?: MediaAddresses | undefined;
  /** Further names that the scanner must have. */
  readonly vocabulary?: { readonly namespaces: readonly string[]; readonly locals: readonly string[] };
  readonly report: (report: PolicyReport) => void;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

/** The documents that the policies in force were compiled from. */
export interface PolicyDocuments {
  readonly enforced: Policy;
  readonly shadow: Policy | undefined;
}

/** The contents of the files. */
interface PolicySources {
  readonly documents: PolicyDocuments;
  readonly secrets: readonly Uint8Array[];
  /** SHA-256 of all contents. */
  readonly digest: string;
  /** Digest of the policy documents to be enforced. */
  readonly policyDigest: string;
  readonly shadowDigest: string | undefined;
  readonly files: readonly string[];
}

const secretBytesMin = 32;

/** Replaced policies that are kept to map their pseudonyms back. */
export const formerPoliciesMax = 8;

export class PolicyRuntime implements Part {
  /** The scanner's names. */
  readonly names: Names;
  readonly #options: PolicyRuntimeOptions;
  readonly #catalogue: Catalogue;
  readonly #catalogueDigest: string;
  readonly #obligations: readonly Obligation[];
  readonly #ephemeralSecret = randomBytes(secretBytesMin);
  readonly #refresher: Refresher<PolicySources>;
  #current: PoliciesInForce;
  #documents: PolicyDocuments;
  #former: readonly Policy[] = [];
  #digest: string;
  #shadowDigest: string | undefined;
  #state: 'loaded' | 'rejected' = 'loaded';

  /** Reads and compiles the policies.
   *  @throws PolicyRefused, FileMissing */
  constructor(options: PolicyRuntimeOptions) {
    const { config, report, settleMs, pollMs } = options;
    this.#options = options;
    const { catalogue, files } = openCatalogueFiles(config.catalogue);
    this.#catalogue = catalogue;
    this.#catalogueDigest = digestOf(files.map(({ text }) => text));
    this.#obligations = openObligations(config.obligations);
    this.names = vocabularyOf(this.#catalogue, options.vocabulary);
    const sources = this.#read();
    const warnings = this.#checkAll(sources);
    this.#current = this.#compile(sources, []);
    this.#documents = sources.documents;
    this.#digest = sources.policyDigest;
    this.#shadowDigest = sources.shadowDigest;
    if (config.keyFiles.length === 0) report({ kind: 'ephemeral-key' });
    this.#reportLoaded('loaded', warnings);
    this.#refresher = new Refresher({
      digest: sources.digest,
      files: sources.files,
      read: () => this.#read(),
      apply: (changed) => this.#apply(changed),
      rejected: (problems) => {
        this.#state = 'rejected';
        report({ kind: 'rejected', problems });
      },
      ...(settleMs === undefined ? {} : { settleMs }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  get current(): PoliciesInForce {
    return this.#current;
  }

  /** Returns the documents in force, as written. */
  get documents(): PolicyDocuments {
    return this.#documents;
  }

  get catalogue(): Catalogue {
    return this.#catalogue;
  }

  /** Returns the digest of the documents in force (`digestOf`): it identifies the policy, and does not depend on a
   *  secret. */
  get digest(): string {
    return this.#digest;
  }

  /** Returns the digests of the policy in force, of its shadow and of the catalogue. */
  get digests(): PolicyDigests {
    const shadow = this.#shadowDigest;
    return {
      policyDigest: this.#digest,
      ...(shadow !== undefined && { shadowDigest: shadow }),
      catalogueDigest: this.#catalogueDigest,
    };
  }

  /** `rejected`: newer files have errors, so these are still in force. */
  get state(): 'loaded' | 'rejected' {
    return this.#state;
  }

  /** Reads the files again, and applies them if they have changed. */
  refresh(): Promise<void> {
    return this.#refresher.refresh();
  }

  close(): void {
    this.#refresher.close();
  }

  /** Puts changed files into force.
   *  @throws PolicyRefused, after which nothing has changed */
  #apply(sources: PolicySources): void {
    const warnings = this.#checkAll(sources);
    const former = this.#formerThan(sources.policyDigest);
    this.#current = this.#compile(sources, former);
    this.#documents = sources.documents;
    this.#former = former;
    this.#digest = sources.policyDigest;
    this.#shadowDigest = sources.shadowDigest;
    this.#state = 'loaded';
    this.#refresher.watch(sources.files);
    this.#reportLoaded('reloaded', warnings);
  }

  #reportLoaded(kind: 'loaded' | 'reloaded', warnings: number): void {
    const { name, mode } = this.#documents.enforced;
    this.#options.report({ kind, policy: name, mode, warnings, ...this.digests });
  }

  /** Returns the policies that were in force before one of this digest, newest first. */
  #formerThan(digest: string): readonly Policy[] {
    if (digest === this.#digest) return this.#former;
    return [this.#documents.enforced, ...this.#former].slice(0, formerPoliciesMax);
  }

  /** Reads all files.
   *  @throws PolicyRefused, FileMissing */
  #read(): PolicySources {
    const { file, shadow, keyFiles } = this.#options.config;
    const enforced = openPolicyFiles(file);
    const beside = shadow === undefined ? undefined : openPolicyFiles(shadow);
    const secrets = keyFiles.length === 0 ? [this.#ephemeralSecret] : keyFiles.map(readSecret);
    const texts = [...enforced.files, ...(beside?.files ?? [])];
    const hash = createHash('sha256');
    for (const { file: path, text } of texts)
      hash.update(`${path.length}:${path}${text.length}:`).update(text);
    for (const secret of secrets) hash.update(`${secret.length}:`).update(secret);
    return {
      documents: { enforced: enforced.policy, shadow: beside?.policy },
      secrets,
      digest: hash.digest('base64'),
      policyDigest: digestOf(enforced.files.map(({ text }) => text)),
      shadowDigest: beside && digestOf(beside.files.map(({ text }) => text)),
      files: [...texts.map((text) => text.file), ...keyFiles],
    };
  }

  #compile({ documents, secrets }: PolicySources, former: readonly Policy[]): PoliciesInForce {
    const { media } = this.#options;
    const pseudonyms = new Pseudonyms(secrets.map((secret) => createSecretKey(secret)));
    const compile = (policy: Policy): CompiledPolicy =>
      new CompiledPolicy(policy, {
        catalogue: this.#catalogue,
        names: this.names,
        pseudonyms,
        former,
        ...(media === undefined ? {} : { media }),
      });
    const { enforced, shadow } = documents;
    return {
      enforced: compile(enforced),
      // Its decisions are only counted, whatever its mode.
      shadow: shadow && compile({ ...shadow, mode: 'shadow' }),
    };
  }

  /** Checks the policy and its shadow.
   *  @returns the number of warnings
   *  @throws PolicyRefused */
  #checkAll({ documents: { enforced, shadow } }: PolicySources): number {
    const { config } = this.#options;
    // A shadow is not enforced; the check is whether it could be.
    const beside = shadow === undefined ? 0 : this.#check({ ...shadow, mode: 'enforce' }, config.shadow!);
    return this.#check(enforced, config.file) + beside;
  }

  /** Checks one policy.
   *  @returns the number of warnings
   *  @throws PolicyRefused */
  #check(policy: Policy, file: string): number {
    // A shipped policy serves proxies with and without media servers.
    const media = shippedPolicyName.test(file) ? {} : { media: this.#options.media !== undefined };
    const found = checkPolicy(policy, {
      ...media,
      catalogue: this.#catalogue,
      obligations: this.#obligations,
      now: this.#options.clock(),
    });
    if (hasErrors(found)) throw new PolicyRefused(found.filter(({ severity }) => severity === 'error'));
    return found.length;
  }
}

/** Reads a secret.
 *  @throws FileMissing; PolicyRefused when it is too short */
function readSecret(file: string): Uint8Array {
  let secret: Uint8Array;
  try {
    secret = readRegularFile(file);
  } catch (error) {
    throw FileMissing.at(file, error);
  }
  if (secret.length >= secretBytesMin) return secret;
  const reason = `the file has fewer than ${secretBytesMin} bytes`;
  const remedy = 'Make one with `openssl rand 32`';
  throw new PolicyRefused([errorAt({ file, line: 1, column: 1 }, 'ERR_POLICY_KEYS', reason, { remedy })]);
}
