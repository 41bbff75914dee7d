/** What a release consists of: the npm package, a bill of materials, a statement of provenance, and their digests.
 *  Made again from the same commit, they are the same, byte by byte. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The commit that is released. */
export interface Source {
  /** Git's name of the commit, in hex. */
  readonly commit: string;
  /** When it was committed, RFC 3339 in UTC. */
  readonly date: string;
}

/** Writes the artifacts of the checkout `root` into `target`.
 *  Returns their file names, the one with the digests last.
 *  @throws Error when npm fails, with what it printed. */
export function writeArtifacts(root: string, target: string, source: Source): string[] {
  mkdirSync(target, { recursive: true });
  const tarball = npm(root, 'pack', '--silent', '--pack-destination', target).trim().split('\n').at(-1)!;
  const name = tarball.replace(/\.tgz$/, '');
  const materials = `${name}.cdx.json`;
  writeJson(join(target, materials), billOfMaterials(root, target, source));
  const provenance = `${name}.provenance.json`;
  const lock = sha256(join(root, 'package-lock.json'));
  const subjects = [tarball, materials].map((file) => ({
    name: file,
    digest: { sha256: sha256(join(target, file)) },
  }));
  writeJson(join(target, provenance), provenanceStatement(subjects, lock, source));
  const artifacts = [tarball, materials, provenance];
  const digests = artifacts.map((file) => `${sha256(join(target, file))}  ${file}\n`);
  writeFileSync(join(target, 'SHA256SUMS'), digests.join(''));
  return [...artifacts, 'SHA256SUMS'];
}

/** Returns npm's bill of materials (CycloneDX) of what is installed with the package, on every platform, with a serial
 *  number and a time that depend on the commit only. */
function billOfMaterials(root: string, target: string, { commit, date }: Source): unknown {
  const folder = mkdtempSync(join(target, 'materials-'));
  try {
    // npm 11 leaves out with `--omit dev` whatever a development dependency needs too; so it gets to see none of them.
    writeJson(join(folder, 'package.json'), withoutDevelopment(readJson(join(root, 'package.json'))));
    const lock = readJson(join(root, 'package-lock.json')) as { packages: Record<string, LockedPackage> };
    const isDevelopment = ({ dev, link, resolved }: LockedPackage): boolean =>
      dev === true || (link === true && lock.packages[resolved!]?.dev === true);
    const kept = Object.entries(lock.packages).filter(([, locked]) => !isDevelopment(locked));
    const packages = { ...Object.fromEntries(kept), '': withoutDevelopment(lock.packages['']!) };
    writeJson(join(folder, 'package-lock.json'), { ...lock, packages });
    const text = npm(folder, 'sbom', '--package-lock-only', '--sbom-format', 'cyclonedx');
    return reproducible(JSON.parse(text) as Materials, commit, date);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An entry of package-lock.json. A link has the path of the package that it stands for, and npm marks only the latter. */
interface LockedPackage {
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly resolved?: string;
}

interface Materials {
  readonly metadata: { readonly component: object };
  readonly components: readonly { readonly purl: string }[];
}

function reproducible(materials: Materials, commit: string, date: string): unknown {
  const hash = createHash('sha256').update(`narthex bill of materials ${commit}`).digest('hex');
  // A UUID of version 8 (RFC 9562 §5.8): bits of our choice.
  const uuid = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
  // npm takes the name of the component from the folder.
  const component = { ...materials.metadata.component, name: 'narthex' };
  return {
    ...materials,
    serialNumber: `urn:uuid:${uuid}`,
    metadata: { ...materials.metadata, timestamp: date, component },
    components: materials.components.toSorted((a, b) => (a.purl < b.purl ? -1 : 1)),
  };
}

function withoutDevelopment(description: object): object {
  return { ...description, devDependencies: {} };
}

/** Returns an in-toto statement v1 with a SLSA provenance predicate v1. It carries no signature. */
function provenanceStatement(
  subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[],
  lockDigest: string,
  { commit }: Source,
): unknown {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:narthex:release:1',
        externalParameters: { command: 'npm ci && npm run release' },
        internalParameters: { node: process.version },
        resolvedDependencies: [
          { name: 'source', digest: { gitCommit: commit } },
          { name: 'package-lock.json', digest: { sha256: lockDigest } },
        ],
      },
      runDetails: { builder: { id: 'urn:narthex:builder:unsigned' } },
    },
  };
}

/** Runs npm in `cwd`. Returns what it printed. */
function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function readJson(file: string): object {
  return JSON.parse(readFileSync(file, 'utf8')) as object;
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
