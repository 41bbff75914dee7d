import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readContentKinds } from '../../src/capabilities/content-kinds.ts';
import { profileJsonSchema, readProfile } from '../../src/capabilities/profile.ts';
import { createProfileSet } from '../../src/capabilities/profile-set.ts';
import { placeText, type PlacedDiagnostic } from '../../src/documents/diagnostic.ts';
import { Sensitive } from '../../src/stanza/sensitive.ts';
import { profileOf, profileText, setOf, shipped, table } from './shipped.ts';

function line(problem: PlacedDiagnostic): string {
  const { code, reason, remedy } = problem;
  const meant = remedy.startsWith('Did you mean') ? `. ${remedy}` : '';
  return `${placeText(problem)}: ${code} ${reason}${meant}`;
}

function problems(text: string): string[] {
  const reading = readProfile({ file: 'p.yaml', text }, table);
  return reading.kind === 'invalid' ? reading.problems.map(line) : [];
}

describe('a capability profile', () => {
  it('is read with its sizes, types and defaults', () => {
    const profile = profileOf(
      "receives: { text: { max-bytes: 64KiB }, voice: { types: ['audio/ogg; codecs=opus'] }, poll: false }",
    );
    expect([...profile.receives.keys()]).toEqual(['text', 'voice']);
    expect(profile.receives.get('text')!.bytesMax).toBe(65_536);
    expect(profile.receives.get('voice')).toMatchObject({
      typeNames: ['audio/ogg; codecs=opus'],
      types: [{ type: 'audio', subtype: 'ogg' }],
      features: ['jabber:x:oob', 'urn:xmpp:sfs:0'],
    });
    expect(profile).toMatchObject({
      identity: { category: 'client', type: 'phone', name: '', lang: 'en' },
      interests: 'keep-e2ee',
      cohort: true,
      caps: true,
      hashSets: ['sha-256', 'sha3-256'],
      onUnsupportedContent: 'bounce',
    });
  });

  it.each([
    [
      'a misspelt key',
      'cohrot: true',
      "7:1: ERR_CAPABILITY_PROFILE unknown key 'cohrot'. Did you mean 'cohort'?",
    ],
    [
      'a misspelt key inside',
      'receives:\n  text:\n    max-byte: 3',
      "8:5: ERR_CAPABILITY_PROFILE unknown key 'max-byte'. Did you mean 'max-bytes'?",
    ],
    [
      'a misspelt kind',
      'receives:\n  text: true\n  reacton: true',
      "8:3: ERR_CONTENT_KIND no content kind 'reacton'. Did you mean 'reaction'?",
    ],
    [
      'a misspelt word',
      'on-unsupported-content: bonce',
      "7:25: ERR_CAPABILITY_PROFILE on-unsupported-content: must be bounce or drop or fallback. Did you mean 'bounce'?",
    ],
    [
      'interests that break a cohort',
      'interests: all',
      '7:12: ERR_CAPABILITY_PROFILE interests: all makes clients distinguishable, which cohort: true forbids',
    ],
    ['a duplicate key', 'caps: true\ncaps: false', '8:1: ERR_YAML this key stands here twice'],
    [
      'a hash that is too weak',
      'hash-sets: [sha-1]',
      '7:13: ERR_CAPABILITY_PROFILE hash-sets.0: is no hash function',
    ],
    [
      'a value that XEP-0115 hashes differently from reader to reader',
      "identity: { type: phone, name: 'a<b' }",
      '6:32: ERR_CAPABILITY_PROFILE identity.name: must not hold <, >, & or control characters',
    ],
  ])('refuses %s, with its place', (_, line, expected) => {
    expect(problems(profileText(line))).toContainEqual(`p.yaml:${expected}`);
  });

  it('refuses a bad size and a bad media type inside a kind', () => {
    expect(problems(profileText('receives: { text: { max-bytes: 64KB } }'))[0]).toMatch(
      /^p\.yaml:6:\d+: ERR_CAP/,
    );
    expect(problems(profileText('receives: { image: { types: [jpeg] } }'))[0]).toMatch(
      /^p\.yaml:6:\d+: ERR_CAP/,
    );
  });

  it.each([
    ['a list', 'plan: [pro]'],
    ['nothing', 'plan: null'],
    ['a long text', `plan: ${'a'.repeat(257)}`],
  ])('refuses to compare a claim with %s', (_, condition) => {
    expect(problems(profileText(`match: { claim: { ${condition} } }`))).toEqual([
      'p.yaml:7:25: ERR_CAPABILITY_PROFILE match.claim.plan: must be a number, true, false or a text of at most 256 characters',
    ]);
    expect(problems(profileText('match: { claim: {} }'))).toEqual([
      'p.yaml:7:17: ERR_CAPABILITY_PROFILE match.claim: must name at least one claim',
    ]);
  });

  it('refuses an alias bomb', () => {
    const bomb = `features: &a [x:y]\nhash-sets: [${'*a,'.repeat(40)}]`;
    expect(problems(profileText(bomb)).length).toBeGreaterThan(0);
  });
});

describe('the JSON Schema for editors', () => {
  it('is the one that ships', () => {
    const file = new URL('../../deploy/schema/capability-profile.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(profileJsonSchema())));
  });
});

describe('the shipped profiles', () => {
  it('make one set', () => {
    expect(shipped.size).toBeGreaterThanOrEqual(4);
    expect(createProfileSet([...shipped.values()]).kind).toBe('profiles');
    for (const [file, { name }] of shipped) expect(name).toBe(file);
  });

  it('advertise nothing that a reader could hash differently', () => {
    for (const { kinds } of [table])
      for (const kind of kinds.values()) expect(kind.features.join('')).not.toMatch(/[<&]/);
  });
});

describe('the content-kind table', () => {
  it('lists all kinds, each with what users miss without it', () => {
    const names = ['text', 'image', 'video', 'voice', 'file', 'sticker', 'reaction', 'reply', 'edit', 'retract', 'receipts', 'typing', 'location', 'contact', 'poll', 'audio-call', 'video-call', 'group']; // prettier-ignore
    expect([...table.kinds.keys()].toSorted()).toEqual(names.toSorted());
    for (const { loses } of table.kinds.values()) expect(loses).not.toBe('');
  });

  it('refuses a kind without the property of what encryption shows', () => {
    const text =
      'apiVersion: narthex/v1\nkind: ContentKindTable\nencryption: {}\nkinds:\n  x: { fallback: notice, loses: x }';
    const reading = readContentKinds({ file: 'k.yaml', text });
    expect(reading).toMatchObject({ kind: 'invalid', problems: [{ line: 5, code: 'ERR_CONTENT_KINDS' }] });
  });
});

describe('choosing a profile', () => {
  const facts = { listener: 'tls', domain: 'a.example', claims: new Map([['plan', new Sensitive('pro')]]) };
  const plain = profileOf('name: plain');
  const phone = profileOf('name: phone', 'match: { identity-type: phone }');
  const pro = profileOf('name: pro', 'match: { claim: { plan: pro } }');
  const proPhone = profileOf('name: pro-phone', 'match: { identity-type: phone, claim: { plan: pro } }');
  const chosen = (identityType: string | undefined, ...profiles: (typeof plain)[]) => {
    const known = identityType === undefined ? facts : { ...facts, identityType };
    const { profile, provisional } = setOf(plain, ...profiles).select(known);
    return `${profile.name}${provisional ? '?' : ''}`;
  };

  it('selects the most specific match, whatever the order', () => {
    expect(chosen('phone', phone, pro, proPhone)).toBe('pro-phone');
    expect(chosen('phone', proPhone, pro, phone)).toBe('pro-phone');
    expect(chosen('pc', proPhone, pro, phone)).toBe('pro');
    expect(chosen('pc', phone)).toBe('plain');
  });

  it('reports when the client must be asked first', () => {
    expect(chosen(undefined, phone)).toBe('plain?');
    expect(chosen(undefined, pro)).toBe('pro');
    expect(chosen(undefined, pro, phone)).toBe('pro?');
    expect(chosen(undefined, pro, proPhone)).toBe('pro?');
  });

  it.each([
    ['claim: { level: 3 }', 3],
    ['claim: { level: -0.5 }', -0.5],
    ['claim: { level: true }', true],
    ["claim: { level: 'true' }", 'true'],
    ["claim: { level: '' }", ''],
  ])('compares a claim by its type and value: %s', (condition, value) => {
    const set = setOf(plain, profileOf('name: level', `match: { ${condition} }`));
    const nameFor = (given: string | number | boolean) =>
      set.select({ ...facts, claims: new Map([['level', new Sensitive(given)]]) }).profile.name;
    expect(nameFor(value)).toBe('level');
    for (const other of [3, -0.5, true, false, 'true', '3', ''].filter((each) => each !== value))
      expect(nameFor(other)).toBe('plain');
    expect(set.select(facts).profile.name).toBe('plain');
  });

  it('wants one default and one profile of a name', () => {
    expect(createProfileSet([phone])).toMatchObject({ code: 'ERR_PROFILE_DEFAULT' });
    expect(createProfileSet([plain, profileOf('name: other')])).toMatchObject({
      code: 'ERR_PROFILE_DEFAULT',
    });
    expect(createProfileSet([plain, plain])).toMatchObject({ code: 'ERR_PROFILE_NAME', names: ['plain'] });
  });
});
