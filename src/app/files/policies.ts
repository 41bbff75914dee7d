/** Reads the files of policies: catalogue, policies, obligations. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalogue, type Catalogue, type TextFile } from '../../policy/catalogue.ts';
import type { Diagnostic as FileDiagnostic } from '../../documents/diagnostic.ts';
import { readRegularFile, readStandardInput, standardInput, whyOf } from '../../documents/read.ts';
import { decodeUtf8, saveAsUtf8 } from '../../documents/text.ts';
import { Unusable } from '../../documents/unusable.ts';
import { errorAt, type Diagnostic } from '../../policy/diagnostic.ts';
import { loadObligations, type Obligation } from '../../policy/obligations.ts';
import type { Policy } from '../../policy/policy.ts';
import { loadPolicy, type PolicySource } from '../../policy/resolve.ts';

/** The folder of the shipped policies. */
const shippedPolicies = fileURLToPath(new URL('../../../policies', import.meta.url));

/** Documents that cannot be used. */
export class PolicyRefused extends Unusable {
  override readonly name = 'PolicyRefused';
  override readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(`${diagnostics.length} problems`);
    this.diagnostics = diagnostics;
  }
}

/** A file that is missing or may not be read. */
export class FileMissing extends Unusable {
  override readonly name = 'FileMissing';
  readonly path: string;
  /** The remedy, as a sentence without its full stop. */
  readonly remedy: string;

  constructor(path: string, message: string, remedy = 'Check the path and its permissions') {
    super(message);
    this.path = path;
    this.remedy = remedy;
  }

  /** Makes the error of a file.
   *  @param cause the error that reading it threw */
  static at(path: string, cause?: unknown): FileMissing {
    const why = cause === undefined ? '' : ` (${whyOf(cause)})`;
    return new FileMissing(path, `${path} cannot be read${why}`);
  }

  override get diagnostics(): readonly FileDiagnostic[] {
    const { path: file, message: reason, remedy } = this;
    return [{ severity: 'error', code: 'ERR_POLICY_FILE', file, reason, remedy }];
  }
}

/** Reads a text file, or standard input where the path is `-`.
 *  @throws FileMissing; PolicyRefused when it is not UTF-8 */
export function readText(path: string): TextFile {
  const isInput = path === standardInput.path;
  const file = isInput ? standardInput.name : path;
  let bytes: Uint8Array;
  try {
    bytes = isInput ? readStandardInput() : readRegularFile(path);
  } catch (error) {
    throw FileMissing.at(file, error);
  }
  const decoded = decodeUtf8(bytes);
  if (decoded.kind === 'text') return { file, text: decoded.text };
  const { line, column } = decoded;
  throw new PolicyRefused([
    errorAt({ file, line, column }, 'ERR_POLICY_FILE', 'this byte is not UTF-8', { remedy: saveAsUtf8 }),
  ]);
}

/** Reads the files of a folder with this extension, ordered by name.
 *  @throws FileMissing */
export function readFolder(path: string, extension: string): readonly TextFile[] {
  return filesOf(path, extension).map(readText);
}

/** Returns the paths in a folder with this extension, ordered by name, or the path itself when it is a file or `-`.
 *  @throws FileMissing */
export function filesOf(path: string, extension: string): readonly string[] {
  if (path === standardInput.path) return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => name.endsWith(extension));
    return names.toSorted().map((name) => join(path, name));
  } catch {
    throw FileMissing.at(path);
  }
}

/** Loads the shipped catalogue with additions.
 *  @throws FileMissing, PolicyRefused */
export function openCatalogue(additions: readonly string[] = []): Catalogue {
  return openCatalogueFiles(additions).catalogue;
}

/** A catalogue with every file that it was read from. */
export interface OpenCatalogue {
  readonly catalogue: Catalogue;
  readonly files: readonly TextFile[];
}

/** Like `openCatalogue`, with every file that the catalogue was read from.
 *  @throws FileMissing, PolicyRefused */
export function openCatalogueFiles(additions: readonly string[] = []): OpenCatalogue {
  const files = catalogueFiles(additions).map(readText);
  const { catalogue, diagnostics } = loadCatalogue(files);
  if (diagnostics.length > 0) throw new PolicyRefused(diagnostics);
  return { catalogue, files };
}

/** Returns the files of a catalogue.
 *  @throws FileMissing */
export function catalogueFiles(additions: readonly string[] = []): readonly string[] {
  return [join(shippedPolicies, 'catalogue'), ...additions].flatMap((path) => filesOf(path, '.yaml'));
}

/** Returns the files of obligations; by default those shipped.
 *  @throws FileMissing */
export function obligationFiles(path = join(shippedPolicies, 'obligations')): readonly string[] {
  return filesOf(path, '.yaml');
}

/** Loads obligations.
 *  @throws FileMissing, PolicyRefused */
export function openObligations(path?: string): readonly Obligation[] {
  return obligationFiles(path).flatMap((file) => {
    const loaded = loadObligations(readText(file));
    if (loaded.kind === 'refused') throw new PolicyRefused(loaded.diagnostics);
    return loaded.value;
  });
}

/** Loads a policy by its file, or by the name of a shipped one.
 *  @throws FileMissing, PolicyRefused */
export function openPolicy(nameOrFile: string): Policy {
  return openPolicyFiles(nameOrFile).policy;
}

/** Like `openPolicy`, with every file that the policy was read from.
 *  @throws FileMissing, PolicyRefused */
export function openPolicyFiles(nameOrFile: string): {
  readonly policy: Policy;
  readonly files: readonly TextFile[];
} {
  const file = isShippedName(nameOrFile) ? shippedFile(nameOrFile) : nameOrFile;
  const first = readText(file);
  const files = [first];
  const loaded = loadPolicy(first, {
    ...policySource,
    find(name, from) {
      const found = policySource.find(name, from);
      if (found !== undefined) files.push(found);
      return found;
    },
  });
  if (loaded.kind === 'refused') throw new PolicyRefused(loaded.diagnostics);
  return { policy: loaded.value, files };
}

function isShippedName(text: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(text);
}

/** Returns the path of a shipped policy.
 *  @throws FileMissing */
function shippedFile(name: string): string {
  const names = policiesIn(shippedPolicies);
  if (names.includes(name)) return join(shippedPolicies, `${name}.yaml`);
  throw new FileMissing(
    name,
    `there is no shipped policy ${name}`,
    `There are ${names.join(', ')}; a file of that name is given as ./${name}`,
  );
}

/** Finds the policy in `extends` in the folder of the file, then among those shipped. */
export const policySource: PolicySource = {
  find(name, from) {
    for (const folder of [dirname(from), shippedPolicies]) {
      try {
        return readText(join(folder, `${name}.yaml`));
      } catch (error) {
        if (!(error instanceof FileMissing)) throw error;
      }
    }
    return undefined;
  },
  names(from) {
    const names = [dirname(from), shippedPolicies].flatMap(policiesIn);
    return [...new Set(names)].toSorted();
  },
};

function policiesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && name !== 'content-kinds.yaml')
    .map((name) => basename(name, '.yaml'));
}
