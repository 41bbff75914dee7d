/** The policies of a running proxy: read, checked and compiled at the start, and again when a file changes. What is
 *  broken never replaces what works. The catalogue is read at the start only, because the scanner's names are its. */
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { shippedPolicyName } from '../../config/sections/policy.ts';
import { configErrors, ConfigError, type ConfigProblem } from '../../config/problem.ts';
import type { Config } from '../../config/schema.ts';
import type { MediaAddresses } from '../../minimisation/media-address.ts';
import { Pseudonyms } from '../../minimisation/pseudonymise.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { checkPolicy } from '../../policy/check.ts';
import { CompiledPolicy, vocabularyOf } from '../../policy/compile.ts';
import { hasErrors } from '../../policy/diagnostic.ts';
import type { Obligation } from '../../policy/obligations.ts';
import type { Policy } from '../../policy/policy.ts';
import type { PoliciesInForce } from '../../session/policy/policy-stage.ts';
import type { Names } from '../../stanza/names.ts';
import { watchFiles, type FileWatch, type WatchOptions } from '../../transport/files.ts';
import {
  FileMissing,
  openCatalogue,
  openObligations,
  openPolicyFiles,
  PolicyRefused,
} from '../files/policies.ts';

/** What became of a change on disk. */
export type PolicyReport =
  | { readonly kind: 'loaded' | 'reloaded'; readonly policy: string; readonly warnings: number }
  | { readonly kind: 'kept'; readonly problems: number }
  | { readonly kind: 'made-up-key' };

/** Opens it for a command that must not start without.
 *  @throws ConfigError ERR_CONFIG_POLICY with a problem for each thing that is wrong. */
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
  if (error instanceof RangeError)
    return [problem(error.message, { remedy: 'Make one with `openssl rand 32`.' })];
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
  /** The media servers whose addresses a policy can have sealed. */
  readonly media?: MediaAddresses | undefined;
  /** Names that the scanner must know for others. */
  readonly vocabulary?: { readonly namespaces: readonly string[]; readonly locals: readonly string[] };
  readonly report: (report: PolicyReport) => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** The documents that the policies in force were compiled from. */
export interface PolicyDocuments {
  readonly enforced: Policy;
  readonly shadow: Policy | undefined;
}

/** What the files hold. */
interface PolicySources {
  readonly documents: PolicyDocuments;
  readonly secrets: readonly Uint8Array[];
  /** SHA-256 of everything. */
  readonly judged: string;
  /** Of the documents to be enforced. */
  readonly digest: string;
  readonly files: readonly string[];
}

const secretBytesMin = 32;

/** Policies that are gone, whose pseudonyms are still mapped back. */
export const formerPoliciesMax = 8;

export class PolicyRuntime {
  /** The scanner's names. */
  readonly names: Names;
  readonly #options: PolicyRuntimeOptions;
  readonly #catalogue: Catalogue;
  readonly #obligations: readonly Obligation[];
  readonly #madeUp = randomBytes(secretBytesMin);
  #current: PoliciesInForce;
  #documents: PolicyDocuments;
  #former: readonly Policy[] = [];
  #judged: string;
  #digest: string;
  #state: 'loaded' | 'kept' = 'loaded';
  #watch: FileWatch | undefined;

  /** @throws PolicyRefused, FileMissing */
  constructor(options: PolicyRuntimeOptions) {
    const { config, report } = options;
    this.#options = options;
    this.#catalogue = openCatalogue(config.catalogue);
    this.#obligations = openObligations(config.obligations);
    this.names = vocabularyOf(this.#catalogue, options.vocabulary);
    const sources = this.#read();
    const warnings = this.#checkAll(sources);
    this.#current = this.#compile(sources, []);
    this.#documents = sources.documents;
    this.#judged = sources.judged;
    this.#digest = sources.digest;
    if (config.keyFiles.length === 0) report({ kind: 'made-up-key' });
    report({ kind: 'loaded', policy: this.#current.enforced.name, warnings });
    this.#watch = this.#watchOver(sources.files);
  }

  get current(): PoliciesInForce {
    return this.#current;
  }

  /** What is in force, as it is written. */
  get documents(): PolicyDocuments {
    return this.#documents;
  }

  get catalogue(): Catalogue {
    return this.#catalogue;
  }

  /** SHA-256 of the documents in force, base64url: which policy it is, and nothing of the secrets. */
  get digest(): string {
    return this.#digest;
  }

  /** `kept`: newer files are broken, what is in force still serves. */
  get state(): 'loaded' | 'kept' {
    return this.#state;
  }

  /** Reads the files again; does something if they have changed. */
  look(): void {
    const { report } = this.#options;
    try {
      const sources = this.#read();
      // At most polls: nothing is checked and compiled in vain while sessions wait.
      if (sources.judged === this.#judged) return;
      const warnings = this.#checkAll(sources);
      const former = this.#formerThan(sources.digest);
      this.#current = this.#compile(sources, former);
      this.#documents = sources.documents;
      this.#judged = sources.judged;
      this.#former = former;
      this.#digest = sources.digest;
      this.#state = 'loaded';
      this.#watch?.close();
      this.#watch = this.#watchOver(sources.files);
      report({ kind: 'reloaded', policy: this.#current.enforced.name, warnings });
    } catch (error) {
      if (!(error instanceof PolicyRefused || error instanceof FileMissing || error instanceof RangeError))
        throw error;
      // Said once for each state of the files, not at each poll.
      const judged = `${error.name} ${error instanceof PolicyRefused ? JSON.stringify(error.diagnostics) : error.message}`;
      if (judged === this.#judged) return;
      this.#judged = judged;
      this.#state = 'kept';
      report({ kind: 'kept', problems: error instanceof PolicyRefused ? error.diagnostics.length : 1 });
    }
  }

  close(): void {
    this.#watch?.close();
  }

  /** What was in force before a policy of this digest, newest first. */
  #formerThan(digest: string): readonly Policy[] {
    if (digest === this.#digest) return this.#former;
    return [this.#documents.enforced, ...this.#former].slice(0, formerPoliciesMax);
  }

  #watchOver(files: readonly string[]): FileWatch {
    return watchFiles(files, () => this.look(), this.#options);
  }

  #read(): PolicySources {
    const { file, shadow, keyFiles } = this.#options.config;
    const enforced = openPolicyFiles(file);
    const beside = shadow === undefined ? undefined : openPolicyFiles(shadow);
    const secrets = keyFiles.length === 0 ? [this.#madeUp] : keyFiles.map(readSecret);
    const texts = [...enforced.files, ...(beside?.files ?? [])];
    const hash = createHash('sha256');
    for (const { file: path, text } of texts)
      hash.update(`${path.length}:${path}${text.length}:`).update(text);
    for (const secret of secrets) hash.update(`${secret.length}:`).update(secret);
    return {
      documents: { enforced: enforced.policy, shadow: beside?.policy },
      secrets,
      judged: hash.digest('base64'),
      digest: digestOf(enforced.files.map(({ text }) => text)),
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
      // A shadow decides as if it were enforced; its decisions are only counted.
      shadow: shadow && compile({ ...shadow, mode: 'shadow' }),
    };
  }

  /** @returns the number of warnings. @throws PolicyRefused */
  #checkAll({ documents: { enforced, shadow } }: PolicySources): number {
    const { config } = this.#options;
    const beside = shadow === undefined ? 0 : this.#check(shadow, config.shadow!);
    return this.#check(enforced, config.file) + beside;
  }

  /** @returns the number of warnings. @throws PolicyRefused */
  #check(policy: Policy, file: string): number {
    // A shipped policy is for proxies with media servers and for those without.
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

function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('base64url');
}

/** @throws FileMissing; RangeError when it is too short */
function readSecret(file: string): Uint8Array {
  let secret: Uint8Array;
  try {
    secret = readFileSync(file);
  } catch {
    throw FileMissing.at(file);
  }
  if (secret.length < secretBytesMin)
    throw new RangeError(`ERR_POLICY_KEYS: ${file} has fewer than ${secretBytesMin} bytes`);
  return secret;
}
