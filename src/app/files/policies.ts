/** The files that the policy tools and the proxy read: catalogue, policies, obligations. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalogue, type Catalogue, type TextFile } from '../../policy/catalogue.ts';
import type { Diagnostic } from '../../policy/diagnostic.ts';
import { loadObligations, type Obligation } from '../../policy/obligations.ts';
import type { Policy } from '../../policy/policy.ts';
import { loadPolicy, type PolicySource } from '../../policy/resolve.ts';

/** The folder that comes with the product. */
const shippedPolicies = fileURLToPath(new URL('../../../policies', import.meta.url));

/** Documents that cannot be used. */
export class PolicyRefused extends Error {
  override readonly name = 'PolicyRefused';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(`${diagnostics.length} problems`);
    this.diagnostics = diagnostics;
  }
}

/** A file that is not there or may not be read. */
export class FileMissing extends Error {
  override readonly name = 'FileMissing';
  /** What to do, as a sentence without its full stop. */
  readonly remedy: string;

  constructor(message: string, remedy = 'Check the path and its permissions') {
    super(message);
    this.remedy = remedy;
  }

  static at(path: string): FileMissing {
    return new FileMissing(`${path} cannot be read`);
  }
}

/** @throws FileMissing */
export function readText(file: string): TextFile {
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch {
    throw FileMissing.at(file);
  }
}

/** The YAML files of a folder, or the file itself, by name. @throws FileMissing */
function readYaml(path: string): readonly TextFile[] {
  return readFolder(path, '.yaml');
}

/** @throws FileMissing */
export function readFolder(path: string, extension: string): readonly TextFile[] {
  try {
    if (!statSync(path).isDirectory()) return [readText(path)];
    const names = readdirSync(path).filter((name) => name.endsWith(extension));
    return names.toSorted().map((name) => readText(join(path, name)));
  } catch {
    throw FileMissing.at(path);
  }
}

/** The shipped catalogue and what is added to it. @throws FileMissing, PolicyRefused */
export function openCatalogue(additions: readonly string[] = []): Catalogue {
  const folders = [join(shippedPolicies, 'catalogue'), ...additions];
  const { catalogue, diagnostics } = loadCatalogue(folders.flatMap(readYaml));
  if (diagnostics.length > 0) throw new PolicyRefused(diagnostics);
  return catalogue;
}

/** @throws FileMissing, PolicyRefused */
export function openObligations(path = join(shippedPolicies, 'obligations')): readonly Obligation[] {
  return readYaml(path).flatMap((file) => {
    const loaded = loadObligations(file);
    if (loaded.kind === 'refused') throw new PolicyRefused(loaded.diagnostics);
    return loaded.value;
  });
}

/** A policy by its file, or by its name when it is shipped. @throws FileMissing, PolicyRefused */
export function openPolicy(nameOrFile: string): Policy {
  return openPolicyFiles(nameOrFile).policy;
}

/** The same, with every file it was made of. @throws FileMissing, PolicyRefused */
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

/** @throws FileMissing */
function shippedFile(name: string): string {
  const names = policiesIn(shippedPolicies);
  if (names.includes(name)) return join(shippedPolicies, `${name}.yaml`);
  throw new FileMissing(
    `there is no shipped policy ${name}`,
    `There are ${names.join(', ')}; a file of that name is given as ./${name}`,
  );
}

/** What `extends` names is looked for beside the file, then among those shipped. */
export const policySource: PolicySource = {
  find(name, from) {
    for (const folder of [dirname(from), shippedPolicies]) {
      try {
        return readText(join(folder, `${name}.yaml`));
      } catch {
        continue;
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
