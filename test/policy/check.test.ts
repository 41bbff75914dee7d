import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/documents/diagnostic.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { loadPolicy, type PolicySource } from '../../src/policy/resolve.ts';
import { loadObligations } from '../../src/policy/obligations.ts';
import { policySource } from '../../src/app/files/policies.ts';
import { toSarif } from '../../src/policy/sarif.ts';
import { catalogue, complaints, policyOf, policyText, read, today } from './fixtures.ts';

const errors = (audiences: string, spec = ''): string[] =>
  complaints(policyText(audiences, spec)).filter((line) => /:\d+: error /.test(line));
const warnings = (audiences: string, spec = ''): string[] =>
  complaints(policyText(audiences, spec)).filter((line) => /:\d+: warning /.test(line));

const exception = (audiences: string, expires = '2027-06-30', when = 'contact-domain: c.example'): string =>
  `    - { when: { ${when} }, audiences: ${audiences}, why: w, approved-by: a, expires: ${expires} }\n`;

describe('check refuses', () => {
  it.each([
    ['a rewrite of a bound element inside encryption', '{ gatekeeper: { id.message: { pseudonymise: { scope: session } } } }',
      'p.yaml:7:30: error ERR_POLICY_E2EE_BOUND id.message: pseudonymise changes what is bound inside end-to-end encryption: receivers would fail to decrypt or verify. Use keep'],
    ['dropping a field that the obligations require', '{ gatekeeper: { conn.client-ip: drop } }',
      'p.yaml:7:30: error ERR_POLICY_OBLIGATION conn.client-ip: drop withholds what the gatekeeper must get (whatsapp-reference-offer RO-7.6.2.4: give the gatekeeper the address of the client when connecting). Use keep'],
    ['rounding a field that the obligations require', '{ gatekeeper: { conn.client-ip: { coarsen: { ipv4: 24, ipv6: 48 } } } }',
      'p.yaml:7:30: error ERR_POLICY_OBLIGATION conn.client-ip: coarsen to /24 and /48 withholds what the gatekeeper must get (whatsapp-reference-offer RO-7.6.2.4: give the gatekeeper the address of the client when connecting). Use keep'],
    ['dropping a request that is owed an answer', '{ gatekeeper: { version.iq: drop } }',
      'p.yaml:7:30: error ERR_POLICY_ANSWER_OWED version.iq: drop leaves a request without the answer that it is owed (RFC 6120 §8.2.3). Use answer or refuse'],
    ['changing a field that delivery depends on', '{ gatekeeper: { content.type: drop } }',
      'p.yaml:7:30: error ERR_POLICY_ROUTING content.type: drop changes what delivery depends on (breaks: routing). Use keep'],
    ['a rule that can never match', '{ client: { csi.state: drop } }',
      'p.yaml:7:26: error ERR_POLICY_NEVER_MATCHES csi.state: can never match: the client is not shown this field (it travels to-gatekeeper). Remove the rule, or put it under the audience that is shown it'],
    ['a rule inside an element that another removes', '{ gatekeeper: { time.delay: drop, delay.from: drop } }',
      'p.yaml:7:48: error ERR_POLICY_SHADOWED delay.from: never has an effect: time.delay takes away the element around it. Remove this rule, or keep time.delay'],
    ['an unknown field', '{ gatekeeper: { chatstate: drop } }',
      'p.yaml:7:30: error ERR_POLICY_FIELD chatstate: no such field in the catalogue. Did you mean chat-state?'],
    ['a field unlike any other', '{ gatekeeper: { zzzzzzzzzzzz: drop } }',
      'p.yaml:7:30: error ERR_POLICY_FIELD zzzzzzzzzzzz: no such field in the catalogue. narthex policy fields lists them'],
    ['a treatment that the field does not permit', '{ gatekeeper: { presence.status: { coarsen: 1h } } }',
      'p.yaml:7:30: error ERR_POLICY_TREATMENT presence.status: coarsen is not possible for this field. Use keep, drop, replace'],
    ['a grain of another kind', '{ gatekeeper: { time.idle: { coarsen: major } } }',
      'p.yaml:7:30: error ERR_POLICY_TREATMENT time.idle: coarsen to the major version does not fit a value of type time. Write coarsen: 1h'],
    ['a pseudonym that cannot be mapped back', '{ gatekeeper: { push.node: { pseudonymise: { scope: account } } } }',
      'p.yaml:7:30: error ERR_POLICY_TREATMENT push.node: a request has no account that a pseudonym could last for. Write pseudonymise: { scope: gatekeeper }'],
    ['an answer that lacks something', '{ gatekeeper: { version.iq: { answer: { name: N } } } }',
      'p.yaml:7:30: error ERR_POLICY_TREATMENT version.iq: the answer lacks version. An answer needs name, version; it may hold os'],
    ['a value for the operator', '{ operator: { presence.status: keep } }',
      'p.yaml:7:28: error ERR_POLICY_TREATMENT presence.status: keep is not possible: the operator is shown names and counts, never a value. Use drop'],
    ['an answer that holds too much', '{ gatekeeper: { version.iq: { answer: { name: N, version: "1", colour: red } } } }',
      'p.yaml:7:30: error ERR_POLICY_TREATMENT version.iq: the answer cannot hold colour. An answer needs name, version; it may hold os'],
  ])('%s', (_, audiences, line) => {
    expect(errors(audiences)).toEqual([line]);
  }); // prettier-ignore

  it('a treatment of everything that some fields do not permit', () => {
    const [line] = errors('{ gatekeeper: { "*": drop, conn.client-ip: keep } }');
    expect(line).toMatch(
      /^p\.yaml:7:30: error ERR_POLICY_TREATMENT: "\*": drop is not possible for .+ other fields, which the gatekeeper is shown\. Name them, or use "\*": keep$/,
    );
  });

  it('an exception that changes nothing', () => {
    expect(
      errors(
        '{ gatekeeper: { chat-state: drop } }',
        `  exceptions:\n${exception('{ gatekeeper: { chat-state: drop } }')}`,
      ),
    ).toEqual([
      'p.yaml:9:73: error ERR_POLICY_SHADOWED chat-state: the exception says what holds without it. Remove the rule',
    ]);
  });

  it('two exceptions that contradict each other', () => {
    const spec = `  exceptions:\n${exception('{ gatekeeper: { chat-state: drop } }')}${exception('{ gatekeeper: { chat-state: { delay: { up-to: 1s } } } }', '2027-06-30', 'gatekeeper: gk')}`;
    expect(errors('{}', spec)).toEqual([
      'p.yaml:10:62: error ERR_POLICY_CONFLICT chat-state: the exception in line 9 says otherwise and can apply at the same time. Make their conditions exclude each other',
    ]);
  });

  it('more exceptions than fit into one policy, inherited ones included', () => {
    const thirty = Array.from({ length: 30 }, (_, index) =>
      exception('{ client: { sm.location: keep } }', '2027-06-30', `contact-domain: c${index}.example`),
    );
    const parent = policyText('{ client: { sm.location: drop } }', `  exceptions:\n${thirty.join('')}`);
    const child = policyText('{}', `  exceptions:\n${exception('{ client: { sm.location: keep } }')}`);
    const source: PolicySource = {
      ...policySource,
      find: (name, from) =>
        name === 'parent' ? { file: 'parent.yaml', text: parent } : policySource.find(name, from),
    };
    const policy = policyOf(child.replace('extends: passthrough', 'extends: parent'), source);
    const found = checkPolicy(policy, { catalogue, obligations: [], now: today });
    expect(
      found
        .filter(({ severity }) => severity === 'error')
        .map(({ code, line, reason, remedy }) => ({ code, line, reason, remedy })),
    ).toEqual([
      {
        code: 'ERR_POLICY_SCHEMA',
        line: 9,
        reason: '31 exceptions, inherited ones included, are more than 30',
        remedy: 'Remove those that have expired',
      },
    ]);
  });

  it('an exception that breaks an obligation', () => {
    const spec = `  exceptions:\n${exception('{ gatekeeper: { conn.client-ip: drop } }')}`;
    expect(errors('{}', spec).join()).toContain('ERR_POLICY_OBLIGATION conn.client-ip');
  });

  it('showing a field that an obligation forbids', () => {
    const text = `apiVersion: narthex/v1\nkind: Obligations\nmetadata: { name: house, source: our own }\nrules:\n  - { id: H-1, text: no moods, audience: gatekeeper, forbids: [pep.mood] }\n`;
    const loaded = loadObligations({ file: 'o.yaml', text });
    const own = loaded.kind === 'loaded' ? loaded.value : [];
    const found = checkPolicy(policyOf(policyText('{ gatekeeper: { pep.mood: keep } }')), {
      catalogue,
      obligations: own,
      now: today,
    });
    expect(found.map(({ field, reason, remedy }) => ({ field, reason, remedy }))).toEqual([
      {
        field: 'pep.mood',
        reason: 'keep shows what the gatekeeper must not see (house H-1: no moods)',
        remedy: 'Use drop',
      },
    ]);
  });

  it('a circle of extends', () => {
    const files: Record<string, string> = {
      a: read('policies/passthrough.yaml')
        .replace('passthrough', 'a')
        .replace('spec:', 'spec:\n  extends: b'),
      b: read('policies/passthrough.yaml')
        .replace('passthrough', 'b')
        .replace('spec:', 'spec:\n  extends: a'),
    };
    const source: PolicySource = {
      find: (name) => ({ file: `${name}.yaml`, text: files[name]! }),
      names: () => ['a', 'b'],
    };
    const loaded = loadPolicy({ file: 'a.yaml', text: files['a']! }, source);
    expect(loaded.kind === 'refused' ? loaded.diagnostics.map(formatDiagnostic) : []).toEqual([
      'b.yaml:7:12: error ERR_POLICY_EXTENDS: extends goes in a circle: a > b > a. Remove extends from one of them',
    ]);
  });
});

describe('check warns', () => {
  it.each([
    ['of broken features', '{ gatekeeper: { presence.priority: drop } }',
      ['p.yaml:7:30: warning WARN_POLICY_BREAKS presence.priority: drop breaks: which device receives messages to the bare JID']],
    ['of reciprocity', '{ gatekeeper: { receipt.read: drop } }',
      ["p.yaml:7:30: warning WARN_POLICY_BREAKS receipt.read: drop breaks: the mark for 'read', and unread counts on the user's other devices",
        'p.yaml:7:30: warning WARN_POLICY_RECIPROCAL receipt.read: reciprocal: services show it only to those who show theirs']],
    ['of a hash that no longer fits', '{ gatekeeper: { disco.software-info: drop } }',
      ['p.yaml:7:30: warning WARN_POLICY_CAPS_HASH disco.software-info: the capability hash no longer fits; a capability profile changes both together']],
    ['of a way around the proxy', '{ client: { sm.location: keep } }',
      ['p.yaml:7:26: warning WARN_POLICY_BYPASS sm.location: keep lets the client around the proxy (a server behind the proxy; a client that follows it passes the proxy by)']],
  ])('%s', (_, audiences, lines) => {
    expect(warnings(audiences)).toEqual(lines);
  }); // prettier-ignore

  it('of fields left to unlisted', () => {
    const text = policyText('{}')
      .replace('  extends: passthrough\n', '')
      .replace('unlisted: drop', 'unlisted: keep');
    const found = complaints(text).filter((line) => line.includes('WARN_POLICY_UNLISTED'));
    expect(found[0]).toMatch(
      /^p\.yaml:1:1: warning WARN_POLICY_UNLISTED: .+ other fields of the gatekeeper are left to unlisted: keep\. Name them, or "\*"$/,
    );
  });

  it('of exceptions that expire, and of those that have', () => {
    const expiring = (date: string) =>
      warnings('{}', `  exceptions:\n${exception('{ client: { sm.location: drop } }', date)}`).filter(
        (line) => line.includes('EXPIRY'),
      );
    expect(expiring('2027-06-30')).toEqual([]);
    expect(expiring('2026-12-01')).toEqual([
      'p.yaml:9:7: warning WARN_POLICY_EXPIRY: the exception expires after 2026-12-01. Renew it in time',
    ]);
    expect(expiring('2026-11-22')).toEqual([
      'p.yaml:9:7: warning WARN_POLICY_EXPIRY: the exception expired after 2026-11-22 and no longer applies. Remove or renew it',
    ]);
  });
});

it.each(['passthrough', 'balanced', 'strict'])('%s runs', (name) => {
  expect(complaints(read(`policies/${name}.yaml`)).filter((line) => /:\d+: error /.test(line))).toEqual([]);
});

it('SARIF is what SARIF 2.1.0 asks for: rules that results point to, levels, URIs, places from 1', () => {
  const found = checkPolicy(policyOf(policyText('{ gatekeeper: { chatstate: drop, receipt.read: drop } }')), {
    catalogue,
    obligations: [],
    now: today,
  });
  const log = toSarif([...found, { ...found[0]!, file: 'with space.yaml' }], '0.1.0') as {
    version: string;
    $schema: string;
    runs: { tool: { driver: { name: string; rules: { id: string }[] } }; results: SarifResult[] }[];
  };
  expect(log.version).toBe('2.1.0');
  expect(log.$schema).toMatch(/sarif-2\.1\.0\.json$/);
  const [{ tool, results }] = log.runs as [(typeof log.runs)[0]];
  const ids = tool.driver.rules.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(results).toHaveLength(found.length + 1);
  for (const { ruleId, level, message, locations } of results) {
    expect(ids).toContain(ruleId);
    expect(['error', 'warning']).toContain(level);
    expect(message.text).not.toBe('');
    const [{ physicalLocation }] = locations as [SarifResult['locations'][0]];
    const { startLine, startColumn } = physicalLocation.region;
    expect(Math.min(startLine, startColumn)).toBeGreaterThanOrEqual(1);
    expect(() => new URL(physicalLocation.artifactLocation.uri, 'file:///')).not.toThrow();
    expect(physicalLocation.artifactLocation.uri).not.toMatch(/\s/);
  }
});

interface SarifResult {
  readonly ruleId: string;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: {
    readonly physicalLocation: {
      readonly artifactLocation: { readonly uri: string };
      readonly region: { readonly startLine: number; readonly startColumn: number };
    };
  }[];
}

describe('automatic answers', () => {
  const open = (text: string): string[] =>
    complaints(text).filter((line) => line.includes('WARN_POLICY_ANSWER_OPEN'));
  const extending = (base: string, rules: string, spec = ''): string =>
    policyText(`{ gatekeeper: { ${rules} } }`, spec).replace('extends: passthrough', `extends: ${base}`);

  it('are all closed by strict', () => {
    expect(open(read('policies/strict.yaml'))).toEqual([]);
    expect(open(extending('strict', 'chat-state: keep'))).toEqual([]);
  });

  it('that a policy extending strict keeps are warned of', () => {
    expect(open(extending('strict', 'answer.ping: keep'))).toEqual([
      'p.yaml:7:30: warning WARN_POLICY_ANSWER_OPEN answer.ping: keep leaves the time of an automatic answer open, under a policy that extends strict (reveals: round trip to the device, whether it sleeps). Use equalise or answer or refuse',
    ]);
    expect(open(extending('balanced', 'answer.ping: keep'))).toEqual([]);
  });

  it('that an exception keeps are warned of in its place', () => {
    const spec = `  exceptions:\n${exception('{ gatekeeper: { answer.iq: keep } }')}`;
    expect(open(extending('strict', 'chat-state: keep', spec))).toEqual([
      expect.stringMatching(/^p\.yaml:9:\d+: warning WARN_POLICY_ANSWER_OPEN answer\.iq: keep /),
    ]);
  });

  it('that are delayed at random are warned of under every policy', () => {
    expect(open(extending('passthrough', 'receipt.delivered: { delay: { up-to: 5s } }'))).toEqual([
      'p.yaml:7:30: warning WARN_POLICY_ANSWER_OPEN receipt.delivered: delay up to 5s hides the time of one answer; of many, the mean tells it. Use drop or lower or equalise',
    ]);
    expect(open(extending('passthrough', 'chat-state: { delay: { up-to: 5s } }'))).toEqual([]);
  });

  it('are not made to wait longer than a request is waited for', () => {
    expect(errors('{ gatekeeper: { answer.ping: { equalise: { after: 2m } } } }')).toEqual([
      'p.yaml:7:30: error ERR_POLICY_TREATMENT answer.ping: equalise after 2m is longer than 1m: who asks does not wait that long. Write equalise: { after: 3s }',
    ]);
  });
});
