import type { Command } from 'commander';
import { readClientHello } from '../app/tools/client-hello.ts';
import { clientHelloType, parseClientHello, type ClientHello } from '../signals/client-hello.ts';
import { ja4, ja4Raw } from '../signals/ja4.ts';
import { fingerprintSyn } from '../signals/p0f.ts';
import { readSyn } from '../signals/syn.ts';
import { processIo, readLines, type CommandIo } from './command-io.ts';
import { misused } from './input-error.ts';

/** The input: exactly one of the two, a path or `-` for standard input. */
export interface FingerprintArguments {
  readonly clientHello?: string | undefined;
  readonly syn?: string | undefined;
}

/** One line of output, printed as JSON. `error` is a closed word, never input. */
type FingerprintLine =
  | { readonly p0f: string }
  | { readonly ja4: string; readonly ja4_r: string; readonly ja4_stable_2: string }
  | { readonly error: string };

/** `narthex fingerprint`: prints one JSON line for each line of input, in order; empty lines are skipped. A line is
 *  hexadecimal, or a JSON object with it under `hello` or `syn`. An unreadable line becomes a line with `error`, and
 *  the command goes on.
 *  @throws InputError ERR_OPTION, ERR_FILE */
export async function runFingerprint(args: FingerprintArguments, io: CommandIo): Promise<void> {
  const { clientHello, syn } = args;
  if ((clientHello === undefined) === (syn === undefined))
    throw misused('give one of --client-hello and --syn');
  const [path, key, fingerprint] =
    clientHello === undefined
      ? ([syn!, 'syn', fingerprintPacket] as const)
      : ([clientHello, 'hello', fingerprintHello] as const);
  for await (const line of readLines(io, path)) {
    if (line.trim() === '') continue;
    const bytes = readLine(line.trim(), key);
    io.write(`${JSON.stringify(bytes === undefined ? { error: 'not-hex' } : fingerprint(bytes))}\n`);
  }
}

const help = `
Give one of the two options; without a file, or with -, standard input is read. Each line of input is hex, or a JSON
object with the hex under "hello" or "syn". Prints one JSON line for each:

  {"p0f":"4:64+0:0:1460:mss*20,10:mss,sok,ts,nop,ws:df,id+:0"}
  {"ja4":"t13d1517h2_8daaf6152771_cb7bf5808d99","ja4_r":…,"ja4_stable_2":…}
  {"error":"not-hex"}          a line that cannot be read; also malformed, incomplete, not-tls

Exit codes: 0 all lines were answered, 64 wrong usage, 66 no such file. docs/connection-signals.md says what is in them.`;

/** Adds the command to the program. */
export function registerFingerprint(program: Command, io: CommandIo = processIo()): void {
  program
    .command('fingerprint')
    .description('Print the fingerprints of captured TLS ClientHellos (JA4) or TCP SYNs (p0f).')
    .option('--client-hello [file]', 'hex of ClientHellos, as records or as bare handshake messages')
    .option('--syn [file]', 'hex of SYN packets from the IP header on')
    .addHelpText('after', help)
    .action((options: { clientHello?: string | true; syn?: string | true }) =>
      runFingerprint({ clientHello: pathOf(options.clientHello), syn: pathOf(options.syn) }, io),
    );
}

/** Returns the path of an option; commander gives `true` for one without its optional value. */
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
  const answer = isBare ? parseClientHello(bytes) : readClientHello(bytes);
  return answer.kind === 'hello' ? describe(answer.hello) : { error: answer.kind };
}

function describe(hello: ClientHello): FingerprintLine {
  const { ja4: fingerprint, stable } = ja4(hello);
  return { ja4: fingerprint, ja4_r: ja4Raw(hello), ja4_stable_2: stable };
}
