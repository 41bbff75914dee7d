/** The policies of one scope, which is a gatekeeper with a section `policy` of its own, or the top level of the
 *  configuration: read, checked and compiled at the start, and again when a file changes. What is broken never replaces
 *  what works, and never what is in force in another scope. */
import { createHash, createSecretKey } from 'node:crypto';
import type { PolicyFiles, ScopeName } from '../../config/scopes.ts';
import { shippedPolicyName } from '../../config/sections/policy.ts';
import { readRegularFile } from '../../documents/read.ts';
import type { MediaAddresses } from '../../minimisation/media-address.ts';
import { Pseudonyms } from '../../minimisation/pseudonymise.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { checkPolicy, type Knowable } from '../../policy/check.ts';
import { CompiledPolicy } from '../../policy/compile.ts';
import { countWarnings, errorAt, hasErrors } from '../../policy/diagnostic.ts';
import type { PoliciesInForce } from '../../policy/enforcement.ts';
import type { Obligation } from '../../policy/obligations.ts';
import type { Policy } from '../../policy/policy.ts';
import { exceptionsMax } from '../../policy/schema.ts';
import { strictestOf } from '../../policy/strictest.ts';
import type { Names } from '../../stanza/names.ts';
import type { WatchOptions } from '../../transport/files.ts';
import { Refresher } from '../../transport/refresher.ts';
import { digestOf } from '../files/digest.ts';
import { FileMissing, openPolicyFiles, PolicyRefused } from '../files/policies.ts';
import type { PolicyDigests, PolicyReport } from '../observer.ts';
import type { Part } from '../part.ts';

/** Options that all scopes of a proxy share. */
export interface PolicySurroundings extends WatchOptions {
  readonly catalogue: Catalogue;
  readonly catalogueDigest: string;
  readonly obligations: readonly Obligation[];
  /** The scanner's names. */
  readonly names: Names;
  /** Secrets of pseudonyms; without any, `ephemeralSecret` is used. */
  readonly keyFiles: readonly string[];
  readonly ephemeralSecret: Uint8Array;
  /** The media servers whose addresses a policy can seal. */
  readonly media: MediaAddresses | undefined;
  /** Returns what conditions of exceptions can be about; undefined when that is unknown. */
  readonly knowable: ((gatekeepers: readonly string[]) => Knowable) | undefined;
  readonly report: (report: PolicyReport) => void;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

/** The documents that the policies in force were compiled from. */
export interface PolicyDocuments {
  readonly enforced: Policy;
  readonly shadow: Policy | undefined;
  /** Enforced in place of `enforced` for these parts of the accounts. */
  readonly share: readonly PolicyShare[];
}

export interface PolicyShare {
  readonly percent: number;
  readonly policy: Policy;
}

/** The policies in force for each account, and for those that are not known yet. */
interface Compiled {
  /** The usual one, then those of shares. */
  readonly byShare: readonly PoliciesInForce[];
  readonly early: PoliciesInForce;
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

export const secretBytesMin = 32;

/** Replaced policies that are kept to map their pseudonyms back. */
export const formerPoliciesMax = 8;

export class PolicyScope implements Part {
  readonly name: ScopeName;
  readonly #files: PolicyFiles;
  readonly #around: PolicySurroundings;
  readonly #refresher: Refresher<PolicySources>;
  #compiled: Compiled;
  #documents: PolicyDocuments;
  /** The policies of earlier files, newest first; one list for each change. */
  #former: readonly (readonly Policy[])[] = [];
  #digest: string;
  #shadowDigest: string | undefined;
  #state: 'loaded' | 'rejected' = 'loaded';

  /** Reads and compiles the policies.
   *  @throws PolicyRefused, FileMissing */
  constructor(name: ScopeName, files: PolicyFiles, around: PolicySurroundings) {
    const { report, settleMs, pollMs } = around;
    this.name = name;
    this.#files = files;
    this.#around = around;
    const sources = this.#read();
    const warnings = this.#checkAll(sources);
    this.#compiled = this.#compile(sources, []);
    this.#documents = sources.documents;
    this.#digest = sources.policyDigest;
    this.#shadowDigest = sources.shadowDigest;
    this.#reportLoaded('loaded', warnings);
    this.#refresher = new Refresher({
      digest: sources.digest,
      files: sources.files,
      read: () => this.#read(),
      apply: (changed) => this.#apply(changed),
      rejected: (problems) => {
        this.#state = 'rejected';
        report({ kind: 'rejected', ...name, problems });
      },
      ...(settleMs === undefined ? {} : { settleMs }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  /** Returns the policies for an account.
   *  @param share as in `PolicySubject` */
  inForceFor(share: number | undefined): PoliciesInForce {
    const { byShare, early } = this.#compiled;
    return share === undefined ? early : byShare[share]!;
  }

  /** Returns the percentages of accounts that have other policies than the usual one. */
  get percents(): readonly number[] {
    return (this.#files.share ?? []).map(({ percent }) => percent);
  }

  /** Returns the documents in force, as written. */
  get documents(): PolicyDocuments {
    return this.#documents;
  }

  /** Returns the digest of the documents in force (`digestOf`): it identifies the policies, and does not depend on a
   *  secret. */
  get digest(): string {
    return this.#digest;
  }

  /** Returns the digests of the policies in force, of the shadow and of the catalogue. */
  get digests(): PolicyDigests {
    const shadow = this.#shadowDigest;
    return {
      policyDigest: this.#digest,
      ...(shadow !== undefined && { shadowDigest: shadow }),
      catalogueDigest: this.#around.catalogueDigest,
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
    this.#compiled = this.#compile(sources, former);
    this.#documents = sources.documents;
    this.#former = former;
    this.#digest = sources.policyDigest;
    this.#shadowDigest = sources.shadowDigest;
    this.#state = 'loaded';
    this.#refresher.watch(sources.files);
    this.#reportLoaded('reloaded', warnings);
  }

  #reportLoaded(kind: 'loaded' | 'reloaded', warnings: number): void {
    this.#around.report({
      kind,
      ...this.name,
      policies: enforcedIn(this.#documents).map(titleOf),
      warnings,
      ...this.digests,
    });
  }

  /** Returns the policies that were in force before one of this digest, newest first; one list for each change. */
  #formerThan(digest: string): readonly (readonly Policy[])[] {
    if (digest === this.#digest) return this.#former;
    return [enforcedIn(this.#documents), ...this.#former].slice(0, formerPoliciesMax);
  }

  /** Reads all files.
   *  @throws PolicyRefused, FileMissing */
  #read(): PolicySources {
    const { file, shadow, share = [] } = this.#files;
    const { keyFiles, ephemeralSecret } = this.#around;
    const enforced = openPolicyFiles(file);
    const beside = shadow === undefined ? undefined : openPolicyFiles(shadow);
    const shares = share.map(({ file: of, percent }) => ({ percent, ...openPolicyFiles(of) }));
    const secrets = keyFiles.length === 0 ? [ephemeralSecret] : keyFiles.map(readSecret);
    const enforcedTexts = [enforced, ...shares].flatMap(({ files }) => files);
    const texts = [...enforcedTexts, ...(beside?.files ?? [])];
    const hash = createHash('sha256');
    for (const { file: path, text } of texts)
      hash.update(`${path.length}:${path}${text.length}:`).update(text);
    for (const secret of secrets) hash.update(`${secret.length}:`).update(secret);
    return {
      documents: {
        enforced: enforced.policy,
        shadow: beside?.policy,
        share: shares.map(({ percent, policy }) => ({ percent, policy })),
      },
      secrets,
      digest: hash.digest('base64'),
      policyDigest: digestOf(enforcedTexts.map(({ text }) => text)),
      shadowDigest: beside && digestOf(beside.files.map(({ text }) => text)),
      files: [...texts.map((text) => text.file), ...keyFiles],
    };
  }

  #compile({ documents, secrets }: PolicySources, former: readonly (readonly Policy[])[]): Compiled {
    const { catalogue, names, media } = this.#around;
    const pseudonyms = new Pseudonyms(secrets.map((secret) => createSecretKey(secret)));
    const all = enforcedIn(documents);
    const compile = (policy: Policy): CompiledPolicy =>
      new CompiledPolicy(policy, {
        catalogue,
        names,
        pseudonyms,
        // What the policy of a session has hidden before its account was known comes back as well.
        former: [...all.filter((other) => other !== policy), ...former.flat()],
        ...(media === undefined ? {} : { media }),
      });
    // Its decisions are only counted, whatever its mode.
    const shadow = documents.shadow && compile({ ...documents.shadow, mode: 'shadow' });
    const byShare = all.map((policy) => ({ enforced: compile(policy), shadow }));
    if (all.length === 1) return { byShare, early: byShare[0]! };
    const others = byShare.map(({ enforced }) => enforced);
    return { byShare, early: { enforced: compile(strictestOf(all)), shadow, others } };
  }

  /** Checks the policies and the shadow.
   *  @returns the number of warnings
   *  @throws PolicyRefused */
  #checkAll({ documents }: PolicySources): number {
    const { enforced, shadow, share } = documents;
    const { file, shadow: shadowFile, share: shareFiles } = this.#files;
    let warnings = this.#check(enforced, file);
    // A shadow is not enforced; the check is whether it could be.
    if (shadow !== undefined) warnings += this.#check({ ...shadow, mode: 'enforce' }, shadowFile!);
    for (const [index, { policy }] of share.entries())
      warnings += this.#check(policy, shareFiles![index]!.file);
    refuseTooManyExceptions(strictestOf(enforcedIn(documents)));
    return warnings;
  }

  /** Checks one policy.
   *  @returns the number of warnings
   *  @throws PolicyRefused */
  #check(policy: Policy, file: string): number {
    const { catalogue, obligations, media, knowable, clock } = this.#around;
    // A shipped policy serves proxies with and without media servers.
    const options = shippedPolicyName.test(file) ? {} : { media: media !== undefined };
    const found = checkPolicy(policy, {
      ...options,
      catalogue,
      obligations,
      knowable: knowable?.(this.name.gatekeepers),
      now: clock(),
    });
    if (hasErrors(found)) throw new PolicyRefused(found.filter(({ severity }) => severity === 'error'));
    return countWarnings(found);
  }
}

/** Returns the usual policy, then those of shares. */
function enforcedIn({ enforced, share }: PolicyDocuments): readonly Policy[] {
  return [enforced, ...share.map(({ policy }) => policy)];
}

function titleOf({ name, mode }: Policy): Pick<Policy, 'name' | 'mode'> {
  return { name, mode };
}

/** Refuses more exceptions than there are bits for them.
 *  @throws PolicyRefused */
function refuseTooManyExceptions({ exceptions }: Policy): void {
  const first = exceptions[exceptionsMax];
  if (first === undefined) return;
  const reason = `the policies of all shares have ${exceptions.length} exceptions together, more than ${exceptionsMax}`;
  const remedy = 'Remove those that have expired, or give the policies the same exceptions';
  throw new PolicyRefused([errorAt(first.place, 'ERR_POLICY_SCHEMA', reason, { remedy })]);
}

/** Reads a secret.
 *  @throws FileMissing; PolicyRefused when it is too short */
export function readSecret(file: string): Uint8Array {
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
