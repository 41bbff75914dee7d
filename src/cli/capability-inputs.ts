/** Reads the inputs of the capability commands: profiles, the table of content kinds, results of disco#info. */
import { join } from 'node:path';
import type { Element } from '@xmpp/xml';
import { readContentKinds, type ContentKinds } from '../capabilities/content-kinds.ts';
import {
  canonicalDiscoInfo,
  elementsOf,
  isNamed,
  readDiscoInfo,
  type DiscoInfo,
  type DiscoReading,
} from '../capabilities/disco-info.ts';
import { elementFromXml } from '../capabilities/element.ts';
import { readProfile, type CapabilityProfile } from '../capabilities/profile.ts';
import { placeText, type PlacedDiagnostic } from '../documents/diagnostic.ts';
import { standardInput } from '../documents/read.ts';
import { ns } from '../stanza/namespaces.ts';
import { InputError, misused, unreadable } from './input-error.ts';

/** Files and output of the commands, so that tests need no process. */
export interface CapabilitiesIo {
  /** Returns the text of a file; rejects when it cannot be read. */
  readonly readFile: (path: string) => Promise<string>;
  /** Returns the names of the files in a folder; none when it cannot be read. */
  readonly readFolder: (path: string) => Promise<readonly string[]>;
  readonly readStdin: () => Promise<string>;
  /** Prints one line; the text has no line end. */
  readonly out: (line: string) => void;
  readonly setExitCode: (code: number) => void;
  /** The folder of the shipped policies. */
  readonly policies: string;
}

/** A result of disco#info, or the code of why the text is none. */
type XmlReading = (DiscoReading & { kind: 'info' }) | { readonly code: string };

/** Parses XML with a disco#info query: as the root, or inside it. */
export function readXml(xml: string, language: 'inherited' | 'own'): XmlReading {
  const reading = elementFromXml(xml);
  if (reading.kind === 'not-xml') return { code: reading.code };
  const query = findQuery(reading.element);
  if (query === undefined) return { code: 'ERR_DISCO_NOT_INFO' };
  const result = readDiscoInfo(query, { language });
  return result.kind === 'info' ? result : { code: result.code };
}

/** Returns the disco#info query: the root, or the first inside it. */
function findQuery(root: Element): Element | undefined {
  const waiting = [root];
  for (let element = waiting.shift(); element !== undefined; element = waiting.shift()) {
    if (isNamed(element, ns.discoInfo, 'query')) return element;
    waiting.push(...elementsOf(element));
  }
  return undefined;
}

/** Returns every statement of a result, one per line. */
export function linesOf(info: DiscoInfo): string[] {
  const { identities, features, forms } = canonicalDiscoInfo(info);
  return [
    ...identities.map(
      ({ category, type, lang, name }) =>
        `identity ${category}/${type}${lang === '' ? '' : ` ${lang}`}${name === '' ? '' : ` ${JSON.stringify(name)}`}`,
    ),
    ...features.map((feature) => `feature ${feature}`),
    ...forms.flatMap(({ formType, fields }) =>
      fields.flatMap(({ name, values }) => values.map((value) => `form ${formType} ${name}=${value}`)),
    ),
  ];
}

/** Reads a file, or standard input where the path is `-`.
 *  @throws InputError ERR_FILE */
export async function load(io: CapabilitiesIo, path: string): Promise<string> {
  if (path === standardInput.path) return io.readStdin();
  try {
    return await io.readFile(path);
  } catch {
    throw unreadable(path);
  }
}

/** Reads a result of disco#info.
 *  @throws InputError ERR_FILE, ERR_XML_…, ERR_DISCO_… */
export async function loadInfo(io: CapabilitiesIo, path: string): Promise<DiscoInfo> {
  const reading = readXml((await load(io, path)).trim(), 'inherited');
  if ('code' in reading)
    throw new InputError([
      { code: reading.code, message: 'this is no result of disco#info', place: named(path) },
    ]);
  return reading.info;
}

/** Reads the table of content kinds.
 *  @throws InputError ERR_FILE, ERR_CONTENT_KINDS, ERR_YAML */
export async function loadTable(io: CapabilitiesIo, policies: string): Promise<ContentKinds> {
  const file = join(policies, 'content-kinds.yaml');
  const reading = readContentKinds({ file, text: await load(io, file) });
  if (reading.kind === 'invalid') throw failure(reading.problems);
  return reading.table;
}

/** Reads a profile.
 *  @param name of a shipped profile, a YAML file, or `-`
 *  @throws InputError ERR_FILE, ERR_OPTION, ERR_CAPABILITY_PROFILE, ERR_CONTENT_KIND, ERR_YAML */
export async function loadProfile(
  io: CapabilitiesIo,
  name: string,
  policies: string,
  table: ContentKinds,
): Promise<CapabilityProfile> {
  const isFile = isYaml(name) || name === standardInput.path;
  const file = isFile ? name : await shippedProfile(io, name, join(policies, 'capabilities'));
  const reading = readProfile({ file: named(file), text: await load(io, file) }, table);
  if (reading.kind === 'invalid') throw failure(reading.problems);
  return reading.profile;
}

async function shippedProfile(io: CapabilitiesIo, name: string, folder: string): Promise<string> {
  const names = (await io.readFolder(folder)).filter(isYaml).map((file) => file.replace(/\.ya?ml$/, ''));
  if (names.includes(name)) return join(folder, `${name}.yaml`);
  const message = `no profile \`${name}\`; there are ${names.join(', ') || 'none'}, and files that end in .yaml`;
  throw misused(message);
}

/** How problems call a file. */
function named(path: string): string {
  return path === standardInput.path ? standardInput.name : path;
}

function isYaml(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

function failure(problems: readonly PlacedDiagnostic[]): InputError {
  const [first, ...rest] = problems.map((problem) => ({
    code: problem.code,
    message: problem.reason,
    place: placeText(problem),
    remedy: problem.remedy,
  }));
  return new InputError([first!, ...rest]);
}
