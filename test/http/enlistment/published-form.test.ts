import { describe, expect, it } from 'vitest';
import { readLogin } from '../../../src/http/enlistment/published-answer.ts';
import { readClientForm, writeGatekeeperForm } from '../../../src/http/enlistment/published-form.ts';
import { HttpProblem } from '../../../src/http/problem.ts';
import { readForm } from '../../../src/http/request-body.ts';
import { Random } from '../../support/random.ts';

const limits = { bodyBytesMax: 16_384, bodyTimeoutMs: 10_000, jsonDepthMax: 16 };
const cases = Math.min(100_000, Number(process.env['NARTHEX_FUZZ'] ?? 400));
const seed = Number(process.env['NARTHEX_FUZZ_SEED'] ?? 1);

const sizes = { e_keytype: 1, e_regid: 4, e_ident: 32, e_skey_id: 3, e_skey_val: 32, e_skey_sig: 64 };
const codes = [
  'ERR_HTTP_FORM',
  'ERR_HTTP_MEMBER',
  'ERR_ENLISTMENT_KEY',
  'ERR_TOKEN_TOO_LARGE',
  'ERR_HTTP_BODY_TOO_LARGE',
];

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

function fieldsOf(random: Random): [string, string][] {
  const keys = Object.entries(sizes).map(([name, size]): [string, string] => [
    name,
    bytes(random, size).toString('base64url'),
  ]);
  const token = bytes(random, 1 + random.below(3_000))
    .toString('base64url')
    .slice(0, 4_096);
  return [['gatekeeper', 'main'], ...keys, ['token', token]];
}

const encode = (fields: readonly (readonly [string, string])[]): string =>
  fields.map(([name, value]) => `${name}=${value}`).join('&');

async function read(body: string | Uint8Array<ArrayBuffer>) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const request = new Request('https://proxy.example', { method: 'POST', headers, body });
  return readClientForm(await readForm(request, limits));
}

/** Changes one byte, removes one, doubles one, or exchanges two fields. */
function mutated(random: Random, fields: [string, string][]): Buffer<ArrayBuffer> {
  const text = Buffer.from(encode(fields));
  const at = random.below(text.length);
  switch (random.below(4)) {
    case 0:
      text[at] = random.below(256);
      return text;
    case 1:
      return Buffer.concat([text.subarray(0, at), text.subarray(at + 1)]);
    case 2:
      return Buffer.concat([text.subarray(0, at + 1), text.subarray(at)]);
    default:
      return Buffer.from(encode([...fields.slice(1), fields[0]!]));
  }
}

describe('a form', () => {
  it('is read as it was written, and written for the gatekeeper with the same values', async () => {
    const random = new Random(seed);
    for (let round = 0; round < cases; round += 1) {
      const fields = fieldsOf(random);
      const form = await read(encode(fields));
      expect({ gatekeeper: form.gatekeeper, token: form.token, ...form.keys }).toEqual(
        Object.fromEntries(fields),
      );
      const authkey = bytes(random, 32);
      const written = writeGatekeeperForm({ ...form, authkey, version: { field: 'v', value: '2.3' } });
      expect(new Map(new URLSearchParams(written))).toEqual(
        new Map([['authkey', authkey.toString('base64url')], ...fields.slice(1), ['v', '2.3']]),
      );
    }
  });

  it('that was changed is refused, or differs in a value that is as well-formed', async () => {
    const random = new Random(seed);
    let refused = 0;
    for (let round = 0; round < cases; round += 1) {
      const fields = fieldsOf(random);
      const body = mutated(random, fields);
      const outcome = await read(body).catch((error: unknown) => {
        if (!(error instanceof HttpProblem)) throw error;
        return error;
      });
      if (outcome instanceof HttpProblem) {
        refused += 1;
        expect(codes).toContain(outcome.code);
        continue;
      }
      // What is accepted is nothing but the fields of the text, in some order.
      const { gatekeeper, token, keys } = outcome;
      const again = Object.entries({ gatekeeper, token, ...keys }).map(([name, value]) => `${name}=${value}`);
      expect(again.toSorted()).toEqual(body.toString('latin1').split('&').toSorted());
      for (const [name, size] of Object.entries(sizes)) {
        const value = keys[name as keyof typeof keys];
        expect([Buffer.from(value, 'base64url').length, value]).toEqual([
          size,
          Buffer.from(value, 'base64url').toString('base64url'),
        ]);
      }
    }
    expect(refused).toBeGreaterThan(cases / 4);
  });
});

describe('an answer of the gatekeeper', () => {
  const options = { integrator: '7', jsonDepthMax: 16 };
  const right = '{"status":"ok","login":"7-390100000001@interop"}';

  it('that was changed is refused, or has a login of the same form', () => {
    const random = new Random(seed);
    for (let round = 0; round < cases * 5; round += 1) {
      const text = Buffer.from(right);
      for (let more = random.below(3); more >= 0; more -= 1)
        text[random.below(text.length)] = random.once(2)
          ? random.below(256)
          : right.charCodeAt(random.below(right.length));
      try {
        expect(readLogin(text, options)).toMatch(/^7-[A-Za-z0-9._+-]+@interop$/);
      } catch (error) {
        if (!(error instanceof HttpProblem)) throw error;
        expect(['ERR_ENLISTMENT_API_ANSWER', 'ERR_ENLISTMENT_REFUSED']).toContain(error.code);
      }
    }
  });
});
