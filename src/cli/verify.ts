import { Option, type Command } from 'commander';
import { parseJwks } from '../signals/jwks.ts';
import type { ExpectedBinding, Verification } from '../signals/verify.ts';
import { createFixedVerifier } from '../app/tools/verifier.ts';
import { processIo, readLines, type CommandIo } from './command-io.ts';
import { exitCodes } from '../errors/exit.ts';
import { InputError, misused, requireOneInput } from './input-error.ts';

/** The expected values. One that is left out is not checked, and the output says so. */
export interface VerifyArguments {
  /** Path of the attestation, or `-` for standard input. */
  readonly file: string;
  /** Path of the issuer's JWKS. */
  readonly jwks: string;
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  /** 32 bytes of the TLS exporter (RFC 9266), in hexadecimal or base64url. */
  readonly exporter?: string | undefined;
  /** SHA-256 of the proxy's client certificate, in hexadecimal or base64url. */
  readonly certificate?: string | undefined;
  /** SHA-256 of the ephemeral key of its Noise handshake. */
  readonly ephemeral?: string | undefined;
  /** The time to verify for: ISO 8601 or seconds since 1970. Default: now. */
  readonly at?: string | undefined;
  readonly format: 'text' | 'json';
}

/** `narthex verify`: verifies one attestation, and explains the result.
 *  @returns the exit code: 0 when it is accepted, 1 when it is refused
 *  @throws InputError ERR_OPTION, ERR_FILE, ERR_JWKS */
export async function runVerify(
  args: VerifyArguments,
  io: CommandIo,
  clock: () => number = Date.now,
): Promise<number> {
  requireOneInput([args.file, args.jwks]);
  const jws = (await readAll(args.file, io)).trim();
  const keys = parseJwks(parseJson(await readAll(args.jwks, io)));
  if (keys === undefined) throw new InputError([{ code: 'ERR_JWKS', message: `${args.jwks} is no JWK set` }]);
  const claimed = claimedParties(jws);
  const at = readTime(args.at, clock);
  const verifier = createFixedVerifier({
    keys,
    audience: args.audience ?? claimed.aud,
    issuer: args.issuer ?? claimed.iss,
    at,
  });
  const verification = await verifier.verify(jws === '' ? undefined : jws, readBinding(args));
  io.write(args.format === 'json' ? renderJson(verification, args) : renderText(verification, args));
  return verification.kind === 'accepted' ? exitCodes.ok : exitCodes.negative;
}

const help = `
What is left out is not checked, and the output says so. --exporter (the stream and HTTP), --certificate (a PROXY header
before TLS) and --ephemeral (a PROXY header before Noise) are the bindings; give the one that goes with the carrier.

Example:
  $ narthex verify attestation.jws --jwks jwks.json --audience gatekeeper.example --issuer proxy.example

Exit codes: 0 accepted, 1 refused, 64 wrong usage, 65 the JWKS is none, 66 no such file.
docs/connection-signals.md explains attestations and the codes with which they are refused.`;

/** Adds the command to the program. */
export function registerVerify(program: Command, io: CommandIo = processIo()): void {
  program
    .command('verify')
    .description('Check a connection-signals attestation against a JWKS, and explain the outcome.')
    .argument('[file]', 'the attestation, a JWS in compact form', '-')
    .requiredOption('--jwks <file>', "the issuer's public keys")
    .option('--audience <name>', 'the gatekeeper it must be for')
    .option('--issuer <name>', 'the intermediary it must be from')
    .option('--exporter <bytes>', 'TLS exporter of its connection, hex or base64url')
    .option('--certificate <sha256>', "SHA-256 of the proxy's client certificate, hex or base64url")
    .option('--ephemeral <sha256>', 'SHA-256 of the ephemeral key in the Noise handshake, hex or base64url')
    .option('--at <time>', 'verify as of this time, ISO 8601 or seconds since the epoch')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(async (file: string, options: Omit<VerifyArguments, 'file'>) => {
      process.exitCode = await runVerify({ ...options, file }, io);
    });
}

async function readAll(path: string, io: CommandIo): Promise<string> {
  const lines: string[] = [];
  for await (const line of readLines(io, path)) lines.push(line);
  return lines.join('\n');
}

/** Returns the parties that the token itself names, for checks that were not requested. */
function claimedParties(jws: string): { aud: string; iss: string } {
  const payload = parseJson(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
  const { aud, iss } = (payload ?? {}) as Record<string, unknown>;
  return { aud: typeof aud === 'string' ? aud : '', iss: typeof iss === 'string' ? iss : '' };
}

function readBinding({ exporter, certificate, ephemeral }: VerifyArguments): ExpectedBinding {
  if ([exporter, certificate, ephemeral].filter((value) => value !== undefined).length > 1)
    throw misused('--exporter, --certificate and --ephemeral exclude each other');
  if (exporter !== undefined) return { kind: 'tls-exporter', value: read32Bytes('--exporter', exporter) };
  if (certificate !== undefined)
    return { kind: 'certificate', sha256: read32Bytes('--certificate', certificate) };
  if (ephemeral !== undefined)
    return { kind: 'noise-ephemeral', sha256: read32Bytes('--ephemeral', ephemeral) };
  return { kind: 'unchecked' };
}

function read32Bytes(option: string, text: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[\w-]{43}=?$/.test(text)) return Buffer.from(text, 'base64url');
  throw misused(`${option} is not 32 bytes in hex or base64url`);
}

/** Parses a time.
 *  @returns milliseconds since 1970
 *  @throws InputError ERR_OPTION */
function readTime(text: string | undefined, clock: () => number): number {
  if (text === undefined) return clock();
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!Number.isFinite(time)) throw misused('--at is neither ISO 8601 nor seconds since the epoch');
  return time;
}

function unchecked(args: VerifyArguments): string[] {
  const { audience, issuer, exporter, certificate } = args;
  const checks = { audience, issuer, binding: exporter ?? certificate };
  return Object.entries(checks).flatMap(([name, given]) => (given === undefined ? [name] : []));
}

function renderJson(verification: Verification, args: VerifyArguments): string {
  const { kind, ...rest } = verification;
  const { bindingChecked: _, ...shown } = { bindingChecked: false, ...rest };
  return `${JSON.stringify({ accepted: kind === 'accepted', ...shown, unchecked: unchecked(args) })}\n`;
}

function renderText(verification: Verification, args: VerifyArguments): string {
  if (verification.kind === 'refused') return `refused ${verification.code}\n${verification.explanation}\n`;
  const { claims, kid } = verification;
  const skipped = unchecked(args);
  return [
    `accepted, signed with key ${JSON.stringify(kid)}`,
    ...(skipped.length === 0 ? [] : [`not checked: ${skipped.join(', ')}`]),
    JSON.stringify(claims, undefined, 2),
    '',
  ].join('\n');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
