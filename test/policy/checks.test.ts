/** What `check` says of rules that do not do what they seem to do; each is first shown on a stanza. */
import { describe, expect, it } from 'vitest';
import { catalogue, complaints, deciderFor, pass, policyOf, policyText } from './fixtures.ts';

const lines = (audiences: string, spec = ''): readonly string[] => complaints(policyText(audiences, spec));

describe('a pseudonym of the resource for each conversation', () => {
  const rule = (scope: string): string =>
    `{ gatekeeper: { bind.resource: { pseudonymise: { scope: ${scope} } } } }`;

  it('would be one for all contacts', () => {
    const decider = deciderFor(policyOf(policyText(rule('conversation'))), 'to-gatekeeper', {
      resource: 'phone',
    });
    const shown = ['a@b.example', 'c@d.example'].map((to) => {
      const { after } = pass(
        decider,
        `<message xmlns='jabber:client' from='me@provider.example/phone' to='${to}'><body>x</body></message>`,
      );
      return /from='([^']*)'/.exec(after)?.[1];
    });
    expect(shown[0]).toBe(shown[1]);
  });

  it('is refused', () => {
    expect(lines(rule('conversation'))).toEqual([
      'p.yaml:7:30: error ERR_POLICY_SCOPE bind.resource: scope: conversation is not possible: two contacts would see the same pseudonym. Write scope: session, or scope: account',
    ]);
  });

  it.each(['session', 'account', 'gatekeeper'])('and one with scope: %s is not', (scope) => {
    expect(lines(rule(scope)).join()).not.toContain('ERR_POLICY_SCOPE');
  });

  it('is refused too where a presence or a login carries the value', () => {
    const fields = [...catalogue.fields.values()].filter(
      ({ classes, permits }) => classes.includes('same-for-all') && permits.includes('pseudonymise'),
    );
    expect(fields.map(({ name }) => name).toSorted()).toEqual([
      'bind.resource',
      'id.presence',
      'push.node',
      'sasl.user-agent.id',
    ]);
    for (const { name } of fields)
      expect(lines(`{ gatekeeper: { ${name}: { pseudonymise: { scope: conversation } } } }`)[0]).toMatch(
        /error ERR_POLICY_(SCOPE|TREATMENT) /,
      );
  });

  it('is possible where each contact is sent a value of its own', () => {
    expect(
      lines('{ gatekeeper: { id.thread: { pseudonymise: { scope: conversation } } } }').join(),
    ).not.toContain('error');
  });
});

describe('refuse on what stands in presence', () => {
  const avatar = "<presence xmlns='jabber:client'><x xmlns='vcard-temp:x:update'/></presence>";
  const refusing = '{ gatekeeper: { pep.avatar: refuse } }';

  it('keeps the user offline: the presence never leaves', () => {
    const { after } = pass(deciderFor(policyOf(policyText(refusing)), 'to-gatekeeper'), avatar);
    expect(after).toBe('');
  });

  it('is warned of', () => {
    expect(lines(refusing)).toContain(
      'p.yaml:7:30: warning WARN_POLICY_OFFLINE pep.avatar: refuse refuses the whole presence in which it stands: the user never comes online. Use drop',
    );
    expect(lines('{ gatekeeper: { pep.avatar: drop } }').join()).not.toContain('WARN_POLICY_OFFLINE');
  });

  it('is known of every field whose example is such a presence', () => {
    const shown = [...catalogue.fields.values()].filter(
      ({ example, permits }) => /^<presence(?![^>]* type=)/.test(example) && permits.includes('refuse'),
    );
    expect(shown.map(({ name }) => name)).toContain('pep.avatar');
    for (const { name, classes } of shown)
      expect([name, classes.includes('in-presence')]).toEqual([name, true]);
  });

  it('is warned of as unlisted: refuse, which refuses a presence for what the catalogue does not know', () => {
    const text = policyText('{}').replace('unlisted: drop', 'unlisted: refuse');
    const unknown = "<presence xmlns='jabber:client'><x xmlns='urn:example:unknown'/></presence>";
    expect(pass(deciderFor(policyOf(text), 'to-gatekeeper'), unknown).after).toBe('');
    expect(complaints(text).find((line) => line.includes('OFFLINE'))).toBe(
      'p.yaml:6:13: warning WARN_POLICY_OFFLINE: unlisted: refuse refuses a presence for one element that the catalogue does not know: its user never comes online. Use unlisted: drop',
    );
  });
});

describe('which client it is', () => {
  const answer = 'version.iq: { answer: { name: N, version: "1" } }';
  const all = 'style.fingerprint: drop, conn.tls-fingerprint: drop, conn.tcp-fingerprint: drop';
  const about = (audiences: string): readonly string[] =>
    lines(audiences).filter((line) => line.includes('WARN_POLICY_FINGERPRINT'));

  it('is warned of where the version is hidden and fingerprints are kept', () => {
    expect(about(`{ gatekeeper: { ${answer} } }`)).toEqual([
      'p.yaml:7:30: warning WARN_POLICY_FINGERPRINT version.iq: the version of the client is hidden, and these show which client it is: style.fingerprint, conn.tls-fingerprint, conn.tcp-fingerprint. Drop them too, or accept the warning with the reason',
    ]);
  });

  it('is warned of the other way round', () => {
    expect(about('{ gatekeeper: { style.fingerprint: drop } }')).toEqual([
      'p.yaml:7:30: warning WARN_POLICY_FINGERPRINT style.fingerprint: the client tells its version on request (version.iq: keep), and these are hidden: style.fingerprint. Write version.iq: { answer: { name: …, version: … } }',
    ]);
  });

  it('is not warned of where both are hidden, or both are kept', () => {
    expect(about(`{ gatekeeper: { ${answer}, ${all} } }`)).toEqual([]);
    expect(about('{ gatekeeper: { version.iq: keep } }')).toEqual([]);
  });

  it('is warned of in the file that says so, not in one that extends it', () => {
    const text = policyText('{}').replace('extends: passthrough', 'extends: balanced');
    expect(complaints(text)).toEqual([]);
  });
});
