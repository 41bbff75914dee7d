/** Reads the test vectors of Debian's golang-github-flynn-noise-dev. */
import { readFileSync } from 'node:fs';
import { programs } from '../peers/programs.ts';

export interface Vector {
  /** Full protocol name. */
  readonly protocol: string;
  readonly initiatorStatic: Buffer | undefined;
  readonly responderStatic: Buffer | undefined;
  readonly initiatorEphemeral: Buffer;
  readonly responderEphemeral: Buffer;
  readonly prologue: Buffer;
  readonly messages: readonly { readonly payload: Buffer; readonly ciphertext: Buffer }[];
}

/** Returns the vectors of these protocol names. */
export function readVectors(protocols: readonly string[]): Vector[] {
  return readFileSync(programs.noiseVectors, 'utf8')
    .split(/\n\s*\n/)
    .map((paragraph) => new Map(paragraph.split('\n').map((line) => line.split('=') as [string, string])))
    .filter((fields) => protocols.includes(fields.get('handshake') ?? ''))
    .map((fields) => toVector(fields));
}

function toVector(fields: ReadonlyMap<string, string>): Vector {
  const bytes = (name: string): Buffer | undefined => {
    const hex = fields.get(name);
    return hex === undefined ? undefined : Buffer.from(hex, 'hex');
  };
  const messages = [];
  for (let index = 0; fields.has(`msg_${index}_ciphertext`); index += 1)
    messages.push({ payload: bytes(`msg_${index}_payload`)!, ciphertext: bytes(`msg_${index}_ciphertext`)! });
  return {
    protocol: fields.get('handshake')!,
    initiatorStatic: bytes('init_static'),
    responderStatic: bytes('resp_static'),
    initiatorEphemeral: bytes('gen_init_ephemeral')!,
    responderEphemeral: bytes('gen_resp_ephemeral')!,
    prologue: bytes('prologue') ?? Buffer.alloc(0),
    messages,
  };
}
