/** `narthex capabilities hash`: the hashes of results of disco#info. */
import type { DiscoReading } from '../capabilities/disco-info.ts';
import {
  capabilityHash,
  isUnambiguous,
  supportsHash,
  verificationHash,
} from '../capabilities/entity-capabilities.ts';
import { load, readXml, type CapabilitiesIo } from './capability-inputs.ts';
import { exitCodes } from '../errors/exit.ts';
import { InputError } from './input-error.ts';

export interface HashOptions {
  /** Names of hash functions in XEP-0300, separated by commas. */
  readonly algorithm: string;
  readonly language: 'inherited' | 'own';
}

/** Prints one JSON object per input, in order. Keys: `ver`, the XEP-0115 hash by SHA-1; one per XEP-0390 function,
 *  by its name. `ambiguous: true` where other results could have the same `ver`. `hash-set-error` in place of the
 *  XEP-0390 hashes where that specification refuses the result. `error` alone where the input is refused.
 *  @throws InputError ERR_FILE, ERR_HASH_ALGORITHM */
export async function hash(io: CapabilitiesIo, file: string, options: HashOptions): Promise<void> {
  const algorithms = options.algorithm.split(',').map((name) => name.trim());
  const unknown = algorithms.filter((name) => !supportsHash(name));
  if (unknown.length > 0)
    throw new InputError([
      { code: 'ERR_HASH_ALGORITHM', message: `no hash function \`${unknown.join('`, `')}\`` },
    ]);
  const { language } = options;
  const text = await load(io, file);
  for (const input of inputsOf(text)) {
    const reading = 'code' in input ? input : readXml(input.xml, language);
    if ('code' in reading) io.setExitCode(exitCodes.negative);
    io.out(JSON.stringify('code' in reading ? { error: reading.code } : hashes(reading, algorithms)));
  }
}

function hashes(reading: DiscoReading & { kind: 'info' }, algorithms: readonly string[]): object {
  const { info, hashSet } = reading;
  const values =
    hashSet === undefined
      ? Object.fromEntries(algorithms.map((name) => [name, capabilityHash(info, name).value]))
      : { 'hash-set-error': hashSet };
  return { ver: verificationHash(info), ...values, ...(isUnambiguous(info) ? {} : { ambiguous: true }) };
}

type HashInput = { readonly xml: string } | { readonly code: string };

/** Splits a text into inputs: one XML document, or one input per line that is not blank. */
function inputsOf(text: string): HashInput[] {
  const content = text.replace(/^\uFEFF/, '');
  if (content.trimStart().startsWith('<')) return [{ xml: content.trim() }];
  return content
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(jsonInput);
}

function jsonInput(line: string): HashInput {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { code: 'ERR_INPUT_JSON' };
  }
  const xml = typeof value === 'object' && value !== null && 'xml' in value ? value.xml : value;
  return typeof xml === 'string' ? { xml: xml.trim() } : { code: 'ERR_INPUT_JSON' };
}
