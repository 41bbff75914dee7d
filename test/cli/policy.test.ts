import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { register } from '../../src/cli/policy.ts';
import { catalogue, policyText, root, today } from '../policy/fixtures.ts';

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number | undefined;
}

function run(...args: string[]): Ran {
  const out: string[] = [];
  const err: string[] = [];
  let code: number | undefined;
  const program = new Command('narthex').exitOverride();
  register(program, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    setExitCode: (value) => (code = value),
    clock: () => today,
    paint: (_, word) => word,
  });
  program.parse(['policy', ...args], { from: 'user' });
  return { out: out.join('\n'), err: err.join('\n'), code };
}

const folder = mkdtempSync(join(tmpdir(), 'narthex-policy-'));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const balanced = `${root}/policies/balanced.yaml`;
const strict = `${root}/policies/strict.yaml`;

describe('narthex policy', () => {
  it('check: 0 for a valid policy, 1 for a refused one, 65 for one that cannot be parsed, 66 for no file', () => {
    expect(run('check', balanced, strict)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\n0 errors, 0 warnings, 5 notices$/) as string,
    });
    expect(run('check', '--fail-on', 'warning', balanced, strict)).toMatchObject({ code: 0 });
    expect(run('check', file('a.yaml', policyText('{ gatekeeper: { chatstate: drop } }')))).toMatchObject({
      code: 1,
    });
    expect(run('check', file('b.yaml', 'spec: ['))).toMatchObject({ code: 65 });
    expect(run('check', join(folder, 'none.yaml'))).toMatchObject({
      code: 66,
      err: expect.stringContaining('ERR_POLICY_FILE'),
    });
  });

  it('check: as JSON and as SARIF', () => {
    const path = file('a.yaml', policyText('{ gatekeeper: { chatstate: drop } }'));
    expect(JSON.parse(run('check', '--format', 'json', path).out)[0]).toMatchObject({
      code: 'ERR_POLICY_FIELD',
      line: 7,
      column: 30,
      field: 'chatstate',
    });
    expect(JSON.parse(run('check', '--format', 'sarif', path).out)).toMatchObject({
      version: '2.1.0',
      runs: [{ results: [{ ruleId: 'ERR_POLICY_FIELD', level: 'error' }] }],
    });
  });

  it('diff: fails when an audience sees more', () => {
    expect(run('diff', balanced, strict, '--fail-on', 'more').code).toBe(0);
    expect(run('diff', strict, balanced, '--fail-on', 'more').code).toBe(1);
    expect(run('diff', strict, balanced).code).toBe(0);
    expect(run('diff', balanced, balanced)).toMatchObject({ code: 0, out: 'no difference' });
    const [first] = JSON.parse(run('diff', balanced, strict, '--format', 'json').out) as [object];
    expect(first).toMatchObject({ audience: 'gatekeeper', sees: 'less' });
  });

  it('explain: before, after and why', () => {
    const stanza = file(
      'm.xml',
      "<message to='a@b'><body>hi</body><composing xmlns='http://jabber.org/protocol/chatstates'/></message>\n",
    );
    const { out, code } = run('explain', 'balanced', '--stanza', stanza);
    expect(code).toBe(0);
    expect(out).toContain("after\n  <message to='a@b'><body>hi</body></message>\n");
    expect(out).toMatch(/chat-state +drop +policy balanced: typing shows before the user decides to send/);
    expect(JSON.parse(run('explain', 'balanced', '--stanza', stanza, '--format', 'json').out)).toMatchObject({
      direction: 'to-gatekeeper',
    });
    expect(run('explain', 'balanced', '--stanza', file('bad.xml', '<message>')).code).toBe(65);
    expect(run('explain', 'balanced', '--stanza', file('worse.xml', '<!DOCTYPE x><message/>')).code).toBe(65);
  });

  it('explain: every rule with its origin', () => {
    expect(run('explain', 'strict').out).toMatch(
      /^strict extends balanced extends passthrough \(enforce, unlisted: drop\)\n/,
    );
    const { rules } = JSON.parse(run('explain', 'strict', '--format', 'json').out) as {
      rules: { field: string; audience: string; from: string }[];
    };
    expect(
      rules.find(({ field, audience }) => field === 'time.idle' && audience === 'gatekeeper'),
    ).toMatchObject({ from: 'balanced' });
  });

  describe('of a policy that is not enforced', () => {
    const shadow = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: quiet }
spec:
  mode: shadow
  extends: balanced
  exceptions:
    - when: { contact-domain: c.example }
      audiences: { gatekeeper: { chat-state: keep } }
      why: Pilot with the users of a library.
      approved-by: privacy@provider.example
      expires: 2027-01-31
`;
    const stanza =
      "<message to='a@b'><body>hi</body><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";

    it('check warns, and says how to enforce it', () => {
      const { out, code } = run('check', file('quiet.yaml', shadow));
      expect(code).toBe(0);
      expect(out).toMatch(
        /quiet\.yaml:5:3: warning WARN_POLICY_SHADOW: .+ enforces nothing: .+ Write mode: enforce/,
      );
    });

    it('explain shows the stanza as it leaves, and what enforcing would change', () => {
      const policy = file('quiet.yaml', shadow);
      const { out } = run('explain', policy, '--stanza', file('m.xml', `${stanza}\n`));
      expect(out).toContain('NOT ENFORCED');
      expect(out).toContain(`\nafter\n  ${stanza}\n`);
      expect(out).toContain("if it were enforced\n  <message to='a@b'><body>hi</body></message>\n");
      const json = run('explain', policy, '--stanza', file('m.xml', stanza), '--format', 'json').out;
      expect(JSON.parse(json)).toMatchObject({ mode: 'shadow', after: stanza, padding: 0 });
    });

    it('explain lists exceptions with approver and end', () => {
      const policy = file('quiet.yaml', shadow);
      const { out } = run('explain', policy);
      expect(out).toContain('NOT ENFORCED');
      for (const text of ['c.example', 'privacy@provider.example', '2027-01-31', 'chat-state'])
        expect(out.slice(out.indexOf('c.example') - 200)).toContain(text);
    });
  });

  it('test: the tests of a policy and a folder of examples', () => {
    expect(run('test', 'balanced')).toMatchObject({
      code: 0,
      out: expect.stringContaining('ok   typing never leaves'),
    });
    const cases = mkdtempSync(join(tmpdir(), 'narthex-cases-'));
    const given = "<message to='a@b'><body>hi</body><attention xmlns='urn:xmpp:attention:0'/></message>";
    writeFileSync(
      join(cases, 'buzz.xml'),
      `${given}\n----------\n<message to='a@b'><body>hi</body></message>\n`,
    );
    expect(run('test', 'balanced', cases).code).toBe(0);
    writeFileSync(join(cases, 'wrong.to-client.xml'), `${given}\n----------\nnothing\n`);
    const failed = run('test', 'balanced', cases);
    expect(failed.code).toBe(1);
    expect(failed.out).toMatch(/FAIL .*wrong\.to-client\.xml\n.*expected nothing, got <message/);
  });

  it('fields: an array of the catalogue', () => {
    const listing = JSON.parse(run('fields', '--format', 'json').out) as { name: string }[];
    expect(listing.map(({ name }) => name)).toEqual([...catalogue.fields.keys()].toSorted());
  });

  it('fields: with those of the user', () => {
    const own = file(
      'own.yaml',
      `apiVersion: narthex/v1
kind: MetadataCatalogue
metadata: { name: own }
namespaces: { v: "urn:vendor:1" }
fields:
  vendor.token:
    title: Token
    source: ours
    select: [v:token]
    direction: both
    category: device
    reveals: the build
    breaks: nothing
    value: none
    permits: [keep, drop]
    example: "<message xmlns='jabber:client'><token xmlns='urn:vendor:1'>marker</token></message>"
`,
    );
    expect(run('fields', '--catalogue', own).out).toContain('vendor.token');
    const broken = file(
      'broken.yaml',
      `apiVersion: narthex/v1
kind: MetadataCatalogue
metadata: { name: own }
fields:
  vendor.token:
    { title: T, source: s, select: ["v:token"], direction: both, category: device, reveals: r, breaks: b, value: none, permits: [keep], example: x }
`,
    );
    expect(run('fields', '--catalogue', broken)).toMatchObject({
      code: 65,
      err: expect.stringContaining(
        'broken.yaml:5:3: error ERR_CATALOGUE: the selector v:token uses the undeclared prefix v (character 3)',
      ),
    });
  });

  it('refuses formats it has not', () => {
    expect(() => run('fields', '--format', 'xml')).toThrow(/choices are text, json/);
  });
});
