import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerVerify, runVerify, type VerifyArguments } from '../../src/cli/verify.ts';
import { attest } from '../../src/signals/attestation.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
import { seededPem } from '../signals/key-pair.ts';
import { memoryIo } from './memory-io.ts';

const now = Date.UTC(2026, 0, 1);
const keys = await SigningKeys.parse([{ name: 'spring.pem', pem: seededPem(1) }]);
const exporter = Buffer.alloc(32, 3);
const jws = attest(
  {
    issuer: 'proxy.example',
    audience: 'gatekeeper.example',
    binding: { kind: 'tls-exporter', value: exporter },
    policyDigest: 'digest',
    signals: { tcp: { absent: 'behind-lb' } },
  },
  { keys, clock: () => now },
);
const files = { '-': `${jws}\n`, jwks: JSON.stringify(keys.jwks()), empty: '', broken: '{' };

async function run(change: Partial<VerifyArguments> = {}) {
  const io = memoryIo(files);
  const code = await runVerify({ file: '-', jwks: 'jwks', format: 'json', ...change }, io, () => now);
  return { code, output: io.output };
}

const json = async (change: Partial<VerifyArguments>): Promise<unknown> =>
  JSON.parse((await run(change)).output);

describe('narthex verify', () => {
  it('accepts, and states what was not checked', async () => {
    expect((await run()).code).toBe(0);
    expect(await json({})).toMatchObject({
      accepted: true,
      kid: 'spring',
      claims: { iss: 'proxy.example' },
      unchecked: ['audience', 'issuer', 'binding'],
    });
    const { output } = await run({ format: 'text' });
    expect(output).toMatch(/^accepted, signed with key "spring"\nnot checked: audience, issuer, binding\n\{/);
  });

  it.each([exporter.toString('hex'), exporter.toString('base64url'), exporter.toString('hex').toUpperCase()])(
    'accepts with everything checked: %s',
    async (value) => {
      const all = { audience: 'gatekeeper.example', issuer: 'proxy.example', exporter: value };
      expect(await json(all)).toMatchObject({ accepted: true, unchecked: [] });
      expect((await run({ ...all, format: 'text' })).output).not.toContain('not checked');
    },
  );

  it.each<[string, Partial<VerifyArguments>]>([
    ['ERR_ATTESTATION_AUDIENCE', { audience: 'other.example' }],
    ['ERR_ATTESTATION_ISSUER', { issuer: 'other.example' }],
    ['ERR_ATTESTATION_BINDING', { exporter: '00'.repeat(32) }],
    ['ERR_ATTESTATION_BINDING', { certificate: exporter.toString('hex') }],
    ['ERR_ATTESTATION_BINDING', { ephemeral: exporter.toString('hex') }],
    ['ERR_ATTESTATION_EXPIRED', { at: '2026-01-01T00:02:00Z' }],
    ['ERR_ATTESTATION_NOT_YET_VALID', { at: String(now / 1000 - 60) }],
    ['ERR_ATTESTATION_MISSING', { file: 'empty' }],
    ['ERR_ATTESTATION_MALFORMED', { file: 'broken' }],
  ])('refuses with %s in words: %o', async (code, change) => {
    const { output, ...result } = await run(change);
    expect(result).toEqual({ code: 1 });
    expect(JSON.parse(output)).toMatchObject({ accepted: false, code, explanation: expect.any(String) });
    expect((await run({ ...change, format: 'text' })).output).toMatch(
      new RegExp(`^refused ${code}\n\\w.+\\.\n$`),
    );
  });

  it.each<[string, string, Partial<VerifyArguments>]>([
    ['a JWKS that is none', 'ERR_JWKS: broken is no JWK set', { jwks: 'broken' }],
    ['a missing file', 'ERR_FILE: missing cannot be read', { jwks: 'missing' }],
    ['an exporter of another length', 'ERR_OPTION: --exporter is not 32 bytes', { exporter: 'abcd' }],
    [
      'two bindings',
      'ERR_OPTION: --exporter, --certificate and --ephemeral exclude each other',
      { exporter: '00'.repeat(32), certificate: '00'.repeat(32) },
    ],
    ['a time that is none', 'ERR_OPTION: --at is neither', { at: 'yesterday' }],
  ])('does not take %s', async (_, message, change) => {
    await expect(run(change)).rejects.toThrow(message);
  });

  it('is a command', async () => {
    const io = memoryIo(files);
    const program = new Command();
    registerVerify(program, io);
    const before = process.exitCode;
    await program.parseAsync(['verify', '--jwks', 'jwks', '--at', String(now / 1000)], { from: 'user' });
    expect(io.output).toMatch(/^accepted/);
    await program.parseAsync(['verify', '-', '--jwks', 'jwks', '--at', '0'], { from: 'user' });
    expect(process.exitCode).toBe(1);
    process.exitCode = before;
  });
});
