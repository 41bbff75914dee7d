import type { Command } from 'commander';
import { ClientHelloReader } from '../signals/client-hello-reader.ts';
import { clientHelloType, parseClientHello, type ClientHello } from '../signals/client-hello.ts';
import { ja4, ja4Raw } from '../signals/ja4.ts';
import { fingerprintSyn } from '../signals/p0f.ts';
import { readSyn } from '../signals/syn.ts';
import { processIo, type CommandIo } from './command-io.ts';

/** What to read; exactly one of the two. A path, or `-` for standard input. */
export interface FingerprintArguments {
  readonly clientHello?: string | undefined;
  readonly syn?: string | undefined;
}

/** One line of output, printed as JSON. `error` is a word, never input. */
type FingerprintLine =
  | { readonly p0f: string }
  | { readonly ja4: string; readonly ja4_r: string; readonly ja4_stable: string }
  | { readonly error: string };

/** `narthex fingerprint`: prints one JSON line for each line of input, in order; empty lines are skipped. A line is hex,
 *  or a JSON object with the hex under `hello` or `syn`. A line that cannot be read is a line with `error`, not a
 *  failure: exit code 0. Exit code 2 when the arguments or the file are wrong. */
export async function runFingerprint(args: FingerprintArguments, io: CommandIo): Promise<number> {
  const { clientHello, syn } = args;
  if ((clientHello === undefined) === (syn === undefined)) {
    io.writeError('narthex fingerprint: give one of --client-hello and --syn\n');
    return 2;
  }
  const [path, key, fingerprint] =
    clientHello === undefined
      ? ([syn!, 'syn', fingerprintPacket] as const)
      : ([clientHello, 'hello', fingerprintHello] as const);
  try {
    for await (const line of io.lines(path)) {
      if (line.trim() === '') continue;
      const bytes = readLine(line.trim(), key);
      io.write(`${JSON.stringify(bytes === undefined ? { error: 'not-hex' } : fingerprint(bytes))}\n`);
    }
  } catch (error) {
    io.writeError(
      `narthex fingerprint: cannot read the input: ${(error as NodeJS.ErrnoException).code ?? 'error'}\n`,
    );
    return 2;
  }
  return 0;
}

/** Adds the command to the program. */
export function registerFingerprint(program: Command, io: CommandIo = processIo()): void {
  program
    .command('fingerprint')
    .description('print the fingerprints of captured TLS ClientHellos (JA4) or TCP SYNs (p0f)')
    .option(
      '--client-hello [file]',
      'hex of ClientHellos, as records or as bare handshake messages (default: -)',
    )
    .option('--syn [file]', 'hex of SYN packets from the IP header on (default: -)')
    .action(async (options: { clientHello?: string | true; syn?: string | true }) => {
      const code = await runFingerprint(
        { clientHello: pathOf(options.clientHello), syn: pathOf(options.syn) },
        io,
      );
      if (code !== 0) process.exitCode = code;
    });
}

/** Commander gives `true` for an option without its optional value. */
function pathOf(given: string | true | undefined): string | undefined {
  return given === true ? '-' : given;
}

function readLine(line: string, key: 'hello' | 'syn'): Uint8Array | undefined {
  const hex = line.startsWith('{') ? member(line, key) : line;
  if (typeof hex !== 'string' || hex.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(hex)) return undefined;
  return Buffer.from(hex, 'hex');
}

function member(json: string, key: string): unknown {
  try {
    return (JSON.parse(json) as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function fingerprintPacket(packet: Uint8Array): FingerprintLine {
  const answer = readSyn(packet);
  return answer.kind === 'syn' ? { p0f: fingerprintSyn(answer.syn).p0f } : { error: answer.kind };
}

function fingerprintHello(bytes: Uint8Array): FingerprintLine {
  // Captures often begin at the handshake message; no record has content type 1.
  const isBare = bytes[0] === clientHelloType;
  const answer = isBare ? parseClientHello(bytes) : new ClientHelloReader().push(bytes);
  return answer.kind === 'hello' ? describe(answer.hello) : { error: answer.kind };
}

function describe(hello: ClientHello): FingerprintLine {
  const { ja4: fingerprint, stable } = ja4(hello);
  return { ja4: fingerprint, ja4_r: ja4Raw(hello), ja4_stable: stable };
}
