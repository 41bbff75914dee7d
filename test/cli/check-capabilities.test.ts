import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { profileText } from '../capabilities/shipped.ts';
import { issue } from '../config/certificate.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { inProcess } from './in-process.ts';
import { root } from './narthex.ts';

const { cert, key } = issue(['chat.example']);
const kinds = readFileSync(join(root, 'policies/content-kinds.yaml'), 'utf8');
const config = `${minimal}capabilities: { contentKinds: kinds.yaml, profiles: [a.yaml, b.yaml] }\n`;
const everything = [...kinds.matchAll(/^  ([a-z-]+):$/gm)].map(([, kind]) => `${kind}: true`).slice(0, 18);
const all = `receives: { ${everything.join(', ')} }`;

/** What `check` says of these profiles: exit code, and each problem in one line. */
async function check(files: Record<string, string>, more = ''): Promise<[number | null, string[]]> {
  const folder = await folderWith({
    'tls.crt': cert,
    'tls.key': key,
    'kinds.yaml': kinds,
    'a.yaml': profileText('name: a', all),
    'b.yaml': profileText('name: b', all, 'match: { domain: b.example }'),
    'narthex.yaml': config + more,
    ...files,
  });
  const { exit, stderr } = await inProcess(['check'], { folder });
  const lines = stderr.split('\n').filter((line) => / (?:error|warning) /.test(line));
  return [exit, lines.map((line) => line.replace(`${folder}/`, ''))];
}

describe('check reads the capability documents as serve does', () => {
  it('and reports nothing of profiles that are kept', async () => {
    expect(await check({})).toEqual([0, []]);
  });

  it.each([
    [
      'an unknown kind',
      { 'b.yaml': profileText('name: b', 'receives: { voise: true }') },
      "b.yaml:6:13: error ERR_CONFIG_CAPABILITIES: ERR_CONTENT_KIND no content kind 'voise'",
    ],
    [
      'a key that is missing',
      { 'b.yaml': profileText('name: b').replace(/^node.*$/m, '') },
      'b.yaml:1:1: error ERR_CONFIG_CAPABILITIES: ERR_CAPABILITY_PROFILE node: is missing',
    ],
    [
      'two profiles without conditions',
      { 'b.yaml': profileText('name: b', all) },
      'a.yaml:1:1: error ERR_CONFIG_CAPABILITIES: ERR_PROFILE_DEFAULT exactly one profile must have no `match`; these have none: a, b',
    ],
    [
      'a table that is none',
      { 'kinds.yaml': 'kinds: []' },
      'kinds.yaml:1:8: error ERR_CONFIG_CAPABILITIES: ERR_CONTENT_KINDS kinds: Invalid input: expected record, received array',
    ],
  ])('%s', async (_, files, line) => {
    const [exit, lines] = await check(files);
    expect(exit).toBe(78);
    expect(lines).toContain(line);
  });
});

const claimed = profileText('name: b', all, 'match: { claim: { tier: gold } }');
const reauthenticating = `${config}    channelBinding: reauthenticate
provider:
  issuer: https://provider.example
  jwksUri: https://provider.example/jwks.json
  audiences: [https://gatekeeper.example]
  claims: { allowed: [tier] }
`.replace(/(capabilities:.*\n)([^]*)$/, '$2$1');

describe('check refuses a profile that no client is given', () => {
  it.each([
    [
      'because no token is verified',
      config,
      claimed,
      'b.yaml:7:10: error ERR_CONFIG_CAPABILITIES: ERR_PROFILE_CLAIM no session has claims: they take a gatekeeper with `channelBinding: reauthenticate`',
    ],
    [
      'because none is verified at its domain',
      reauthenticating,
      claimed.replace('claim:', 'domain: b.example, claim:'),
      'b.yaml:7:29: error ERR_CONFIG_CAPABILITIES: ERR_PROFILE_CLAIM no session of `b.example` has claims: they take a gatekeeper with `channelBinding: reauthenticate`',
    ],
    [
      'because the claim is not looked at',
      reauthenticating,
      claimed.replace('tier', 'plan'),
      'b.yaml:7:19: error ERR_CONFIG_CAPABILITIES: ERR_PROFILE_CLAIM claim `plan` is not in `provider.claims.allowed`, and so is never read',
    ],
  ])('%s', async (_, narthexYaml, profile, line) => {
    expect(await check({ 'narthex.yaml': narthexYaml, 'b.yaml': profile })).toEqual([78, [line]]);
  });

  it('and has nothing against one that can be had', async () => {
    expect(await check({ 'narthex.yaml': reauthenticating, 'b.yaml': claimed })).toEqual([0, []]);
  });
});

it('check has nothing against the shipped profiles, for any mode of authentication', async () => {
  const shipped = `profiles: ${join(root, 'policies/capabilities')}`;
  for (const given of [config, reauthenticating]) {
    const [exit, lines] = await check({
      'narthex.yaml': given.replace('profiles: [a.yaml, b.yaml]', shipped),
    });
    expect([exit, lines.filter((line) => line.includes(' error '))]).toEqual([0, []]);
  }
});

describe('check warns', () => {
  it('of content that encryption hides from the filter', async () => {
    const [exit, lines] = await check({
      'a.yaml': profileText('name: a', 'receives: { text: true, group: true }'),
    });
    expect(exit).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^a\.yaml:1:1: warning ERR_CONFIG_CAPABILITIES: profile `a` does not receive image, .*contact, poll, but encrypted messages need not show them: there they cannot be kept out$/,
    );
    // Calls and groups show whatever is encrypted.
    expect(lines[0]).not.toMatch(/call|group/);
  });

  it('of a profile that is for some of the domains only, because the others have no claims', async () => {
    const other = `domains:
  - { domain: chat.example, gatekeeper: main }
  - { domain: plain.example, gatekeeper: plain }
gatekeepers:
  - name: plain
    connect: { address: other.internal:5222, tls: starttls }
`;
    const both = reauthenticating.replace(/domains:[^]*?gatekeepers:\n/, other);
    const certificate = issue(['chat.example', 'plain.example']);
    const files = { 'b.yaml': claimed, 'tls.crt': certificate.cert, 'tls.key': certificate.key };
    expect(await check({ ...files, 'narthex.yaml': both })).toEqual([
      0,
      [
        'b.yaml:1:1: warning ERR_CONFIG_CAPABILITIES: profile `b` asks for a claim, and no session of plain.example has any: there it is never chosen',
      ],
    ]);
  });

  it('of a policy that wants something else of the advertisement', async () => {
    const policy = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ours, owner: security@third.example }
spec:
  extends: strict
  audiences:
    gatekeeper:
      caps.hash: drop
      disco.features: keep
`;
    const [exit, lines] = await check({ 'policy.yaml': policy }, 'policy: { file: policy.yaml }\n');
    expect([exit, lines]).toEqual([
      0,
      [
        'policy.yaml:8:7: warning ERR_CONFIG_POLICY: WARN_POLICY_BREAKS caps.hash: drop breaks: personal events, features found by hash',
        'policy.yaml:8:7: warning ERR_CONFIG_POLICY: WARN_POLICY_CAPS_HASH caps.hash: the capability hash no longer fits; a capability profile changes both together',
        'policy.yaml:8:7: warning ERR_CONFIG_CAPABILITIES: `caps.hash: drop` changes nothing for the gatekeeper: the capability profile decides what it sees',
      ],
    ]);
  });

  it.each(['passthrough', 'balanced', 'strict'])('of nothing in the shipped policy %s', async (name) => {
    expect(await check({}, `policy: { file: ${name} }\n`)).toEqual([0, []]);
  });
});
