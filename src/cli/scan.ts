/** `narthex scan`: how the proxy reads these bytes. */
import { open } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { StreamError } from '../stanza/error.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Scanner, ScannerSink } from '../stream/scanner.ts';
import { createRecordingScanner } from '../app/tools/scanner.ts';
import { InputError, unreadable } from './input-error.ts';

const chunkings = ['whole', 'bytes', 'random'] as const;
type Chunking = (typeof chunkings)[number];

interface ScanOptions {
  readonly chunks: Chunking;
  readonly cases?: string;
  readonly preAuth?: boolean;
  readonly ambiguous: 'refuse' | 'report';
}

interface ScanResult {
  readonly verdict: 'accept' | 'reject';
  /** Stream error condition (RFC 6120 §4.9.3), null when accepted. */
  readonly condition: string | null;
  readonly code: string | null;
  /** Number of accepted bytes: the offset of the first refused byte, if there is one. */
  readonly offset: number;
}

const help = `
FILE is one direction of a stream, as a client or a server sends it; - or nothing reads standard input.
Prints one JSON line per event (header, stanza, whitespace, end), then the verdict:

  {"verdict":"reject","condition":"restricted-xml","code":"ERR_XML_RESTRICTED","offset":135}

Input that is legal but read differently by real parsers (a namespace name that is no URI, a stream element
inside a stanza) is accepted here with "ambiguousAt"; the proxy refuses it, as --ambiguous refuse does.

Examples:
  $ narthex scan recording.xml
  $ printf '<?xml version="1.0"?><!DOCTYPE x>' | narthex scan --pre-auth -
  $ narthex scan --cases cases.json      # [{"name": …, "bytes": base64}, …]

Exit codes: 0 accepted (or all cases judged), 1 rejected, 64 wrong usage, 65 bad case file, 66 no such file.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('scan')
    .description('Scan one direction of an XMPP stream exactly as the proxy does.')
    .argument('[file]', 'the bytes to scan, - for standard input', '-')
    .addOption(new Option('--chunks <how>', 'how the bytes arrive').choices(chunkings).default('whole'))
    .option('--cases <file>', 'judge a JSON array of {name, bytes: base64} instead, one line each')
    .option('--pre-auth', 'with the limits of a stream that is not yet authenticated')
    .addOption(
      new Option('--ambiguous <how>', 'what to do about ambiguous input')
        .choices(['report', 'refuse'])
        .default('report'),
    )
    .addHelpText('after', help)
    .action(async (file: string, options: ScanOptions) => {
      process.exitCode =
        options.cases === undefined ? await scanFile(file, options) : await scanCases(options.cases, options);
    });
}

async function scanFile(file: string, options: ScanOptions): Promise<number> {
  const bytes = await read(file);
  const result = scan(bytes, options, print);
  print(result);
  return result.verdict === 'accept' ? 0 : 1;
}

async function scanCases(file: string, options: ScanOptions): Promise<number> {
  const cases = parseCases(await read(file));
  if (cases === undefined) {
    const message = `${file} is no JSON array of {"name": string, "bytes": base64 string}`;
    throw new InputError([{ code: 'ERR_CASES', message }]);
  }
  for (const { name, bytes: encoded } of cases) {
    const { verdict, condition } = scan(Buffer.from(encoded, 'base64'), options, () => {});
    print({ name, verdict, condition });
  }
  return 0;
}

interface Case {
  readonly name: string;
  readonly bytes: string;
}

function parseCases(bytes: Uint8Array): readonly Case[] | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(parsed) && parsed.every(isCase) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isCase(value: unknown): value is Case {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('bytes' in value)) return false;
  return typeof value.name === 'string' && typeof value.bytes === 'string';
}

/** Scans `bytes` as one direction of a stream.
 *  @param event receives what the scanner finds, in order */
function scan(bytes: Uint8Array, options: ScanOptions, event: (line: object) => void): ScanResult {
  const scanner: Scanner = createRecordingScanner({
    preAuthentication: options.preAuth === true,
    sink: eventSink(event, () => scanner.ambiguousAt),
    ambiguous: options.ambiguous,
  });
  try {
    for (const chunk of chunksOf(bytes, options.chunks)) scanner.push(chunk);
    scanner.finish();
    return { verdict: 'accept', condition: null, code: null, offset: bytes.length };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    return {
      verdict: 'reject',
      condition: error.condition,
      code: error.code,
      offset: Number(error.detail['offset']),
    };
  }
}

function eventSink(event: (line: object) => void, ambiguousAt: () => number): ScannerSink {
  let noted = -1;
  return {
    header: ({ attributes, prefix, scope }) =>
      event({
        event: 'header',
        prefix,
        attributes: Object.fromEntries(attributes),
        namespaces: Object.fromEntries(scope.declarations),
      }),
    stanza: (stanza) => {
      const ambiguous = ambiguousAt() === noted ? {} : { ambiguousAt: ambiguousAt() };
      noted = ambiguousAt();
      event({ ...describe(stanza), ...ambiguous });
    },
    whitespace: (byteLength) => event({ event: 'whitespace', bytes: byteLength }),
    end: () => event({ event: 'end' }),
  };
}

function describe(stanza: Stanza): object {
  return {
    event: 'stanza',
    kind: stanza.kind,
    namespace: stanza.namespaceName(0),
    name: stanza.localName(0),
    bytes: stanza.byteLength,
  };
}

function* chunksOf(bytes: Uint8Array, chunking: Chunking): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size =
      chunking === 'whole' ? bytes.length : chunking === 'bytes' ? 1 : 1 + Math.floor(Math.random() * 64);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** Reads a file.
 *  @throws InputError ERR_FILE */
async function read(file: string): Promise<Uint8Array> {
  if (file === '-') {
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
    return Buffer.concat(chunks);
  }
  try {
    await using handle = await open(file);
    return await handle.readFile();
  } catch {
    throw unreadable(file);
  }
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
