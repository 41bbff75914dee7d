import { beforeEach, describe, expect, it } from 'vitest';
import { profileOf, setOf, shipped, table } from '../../capabilities/shipped.ts';
import {
  Bench,
  c,
  declared,
  disco,
  holdMs,
  idIn,
  info,
  juliet,
  queryIn,
  readvertiseJitterMs,
  romeo,
  verIn,
  verOf,
} from './capability-bench.ts';

let bench: Bench;

describe('a client of a cohort', () => {
  beforeEach(() => {
    bench = new Bench(shipped.get('desktop')!);
  });

  it('is never asked, and its presence has the advertisement of the cohort', () => {
    expect(bench.bind()).toEqual([]);
    const [presence] = bench.client(`<presence>${c('own')}<show>away</show></presence>`);
    expect(presence).toMatch(/^<presence><show>away<\/show><c xmlns='http:\/\/jabber.org\/protocol\/caps'/);
    expect(presence).not.toContain('own');
    const answer = bench.ask(`https://narthex.invalid/caps/desktop#${verIn(presence!)}`);
    expect(verOf(queryIn(answer))).toBe(verIn(presence!));
    expect(bench.counted).toEqual([]);
  });

  it('has its questions answered for it, addressed back, by any node', () => {
    const answer = bench.ask();
    expect(answer).toMatch(
      new RegExp(`^<iq xmlns='jabber:client' type='result' to='${romeo}' from='${juliet}' id='d1'><query`),
    );
    expect(bench.ask('https://gajim.org#own')).toContain('<item-not-found');
  });

  it('cannot advertise by other ways: an unasked answer, a message, a subscription, an iq', () => {
    expect(bench.client(`<iq type='result' id='x' to='${romeo}'>${info('urn:leak')}</iq>`)).toEqual([]);
    expect(bench.client(`<message to='${romeo}'>${c('own')}<body>a</body></message>`)).toEqual([
      `<message to='${romeo}'><body>a</body></message>`,
    ]);
    expect(bench.client(`<presence type='unavailable'>${c('own')}</presence>`)).toEqual([
      "<presence type='unavailable'></presence>",
    ]);
    const hashes = "<c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AA==</hash></c>";
    const [iq] = bench.client(`<iq type='set' id='i' to='${romeo}'>${hashes}</iq>`);
    expect(iq).toMatch(new RegExp(`^<iq type='set' id='i' to='${romeo}'><c xmlns='urn:xmpp:caps'><hash`));
    expect(iq).not.toContain('AA==');
  });

  it('advertises nothing by iq when its profile has no hash sets', () => {
    bench = new Bench(profileOf('hash-sets: []'));
    expect(bench.client("<iq type='set' id='i'><c xmlns='urn:xmpp:caps'/></iq>")).toEqual([]);
    expect(bench.take('to-client')).toEqual(["<iq xmlns='jabber:client' type='result' id='i'></iq>"]);
  });

  it('receives its own advertisement without a question, and so do others of its cohort', () => {
    const [sent] = bench.client('<presence/>');
    for (const sender of [juliet, 'nurse@capulet.example/door']) {
      const [seen] = bench.gatekeeper(sent!.replace('<presence', `<presence from='${sender}'`));
      const asked = `<iq type='get' id='q' to='${sender}'><query xmlns='${disco}' node='https://narthex.invalid/caps/desktop#${verIn(seen!)}'/></iq>`;
      expect(bench.client(asked)).toEqual([]);
      expect(verOf(queryIn(bench.take('to-client')[0]!))).toBe(verIn(seen!));
    }
    expect(bench.counted).toEqual([]);
  });

  it('leaves everything else alone', () => {
    const iq = `<iq type='get' id='p' to='${romeo}'><ping xmlns='urn:xmpp:ping'/></iq>`;
    expect(bench.client(iq)).toEqual([iq]);
    expect(bench.gatekeeper(iq)).toEqual([iq]);
  });
});

describe('a client that must be asked', () => {
  const mine = info('urn:xmpp:reactions:0', 'urn:leak');

  beforeEach(() => {
    bench = new Bench(declared);
  });

  it('has its presence held until it answers, and its answer swallowed', () => {
    expect(bench.client(`<presence>${c(verOf(mine))}</presence>`)).toEqual([]);
    const [question] = bench.take('to-client');
    expect(question).toBe(
      `<iq xmlns='jabber:client' type='get' id='own1' from='capulet.example'><query xmlns='${disco}' node='https://gajim.org#${verOf(mine)}'/></iq>`,
    );
    const sent = bench.answer('own1', mine);
    expect(sent).toHaveLength(1);
    const answer = bench.ask();
    expect(queryIn(answer)).toContain('urn:xmpp:reactions:0');
    expect(queryIn(answer)).not.toMatch(/leak|Gajim/);
    expect(verOf(queryIn(answer))).toBe(verIn(sent[0]!));
    expect(bench.counted).toEqual(['asked client', 'held']);
  });

  it('is asked once it has bound its resource, in each of the three ways', () => {
    for (const bound of [
      `<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${juliet}</jid></bind></iq>`,
      `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>${juliet}</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>`,
      "<resumed xmlns='urn:xmpp:sm:3' previd='1' h='0'/>",
    ]) {
      bench = new Bench(declared);
      expect(bench.gatekeeper(bound)).toEqual([bound]);
      bench.wait(0);
      const asked = bench.take('to-client');
      expect(asked).toHaveLength(1);
      // slixmpp, for one, knows itself by nothing but its full JID.
      if (!bound.includes('resumed')) expect(asked[0]).toContain(` to='${juliet}'>`);
    }
  });

  it('is asked at the address that its server gave it, whatever else resembles a binding', () => {
    const bind = (attributes: string, jid: string) =>
      `<iq type='result' id='b'${attributes}><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>`;
    bench.gatekeeper(bind('', juliet));
    bench.gatekeeper(bind(` from='${romeo}'`, 'eve@a.example/x'));
    bench.wait(0);
    expect(bench.take('to-client').map((xml) => / to='([^']*)'/.exec(xml)?.[1])).toEqual([juliet]);
  });

  it('that never answers is advertised with the baseline, and anew when it does answer', () => {
    bench.client(`<presence>${c(verOf(mine))}</presence>`);
    bench.wait(holdMs - 1);
    expect(bench.take('to-gatekeeper')).toEqual([]);
    bench.wait(1);
    const [baseline] = bench.take('to-gatekeeper');
    expect(queryIn(bench.ask())).not.toContain('reactions');
    expect(bench.answer(idIn(bench.take('to-client')[0]!), mine)).toEqual([]);
    bench.wait(readvertiseJitterMs);
    const [anew] = bench.take('to-gatekeeper');
    expect(verIn(anew!)).not.toBe(verIn(baseline!));
    // A contact that saw the old presence may still ask for it.
    for (const presence of [baseline!, anew!])
      expect(verOf(queryIn(bench.ask(`https://caps.example/test#${verIn(presence)}`)))).toBe(verIn(presence));
  });

  it('that refuses to answer is advertised at once', () => {
    bench.client('<presence/>');
    const [question] = bench.take('to-client');
    expect(bench.client(`<iq type='error' id='${idIn(question!)}' to='capulet.example'/>`)).toHaveLength(1);
  });

  it('that lies about its hash serves its own session and no other', () => {
    bench.client(`<presence>${c(verOf(mine))}</presence>`);
    const lie = info('urn:xmpp:reactions:0', 'urn:other');
    bench.answer(idIn(bench.take('to-client')[0]!), lie);
    expect(bench.shared.options.cache.size).toBe(0);
  });

  it('is asked again when its capabilities change; the old node is answered meanwhile', () => {
    bench.client(`<presence>${c(verOf(mine))}</presence>`);
    const [first] = bench.answer(idIn(bench.take('to-client')[0]!), mine);
    const fewer = info('urn:leak');
    expect(bench.client(`<presence>${c(verOf(fewer))}</presence>`)).toEqual([]);
    const old = () => verOf(queryIn(bench.ask(`https://caps.example/test#${verIn(first!)}`)));
    expect(old()).toBe(verIn(first!));
    const [second] = bench.answer(idIn(bench.take('to-client')[0]!), fewer);
    expect(verIn(second!)).not.toBe(verIn(first!));
    expect(old()).toBe(verIn(first!));
  });

  it('is advertised anew when the provider writes a new profile', () => {
    bench.client(`<presence id='p1'>${c(verOf(mine))}<show>away</show></presence>`);
    const [before] = bench.answer(idIn(bench.take('to-client')[0]!), mine);
    bench.shared.replace({ profiles: setOf(profileOf('receives: { text: true }')), table });
    expect(bench.take('to-gatekeeper')).toEqual([]);
    bench.wait(readvertiseJitterMs);
    const [after] = bench.take('to-gatekeeper');
    expect(after).toMatch(/^<presence id='p1'><show>away<\/show>/);
    expect(verIn(after!)).not.toBe(verIn(before!));
  });

  it('is not asked once it has left', () => {
    bench.client('<presence/>');
    bench.answer(idIn(bench.take('to-client')[0]!), mine);
    bench.client("<presence type='unavailable'/>");
    bench.shared.replace({ profiles: setOf(profileOf('receives: { text: true }')), table });
    bench.wait(readvertiseJitterMs);
    expect(bench.take('to-gatekeeper')).toEqual([]);
  });
});

describe('a contact', () => {
  const theirs = info('urn:xmpp:reactions:0', 'urn:xmpp:ping');

  beforeEach(() => {
    bench = new Bench(profileOf('receives: { text: true }'));
  });

  function present(): string {
    const [shown] = bench.gatekeeper(`<presence from='${romeo}'>${c(verOf(theirs))}</presence>`);
    expect(shown).toBe(`<presence from='${romeo}'></presence>`);
    const [question] = bench.take('to-gatekeeper');
    expect(question).toContain(` to='${romeo}'><query xmlns='${disco}' node='https://gajim.org#`);
    return idIn(question!);
  }

  it('is shown again, cut down, with a hash that verifies', () => {
    const id = present();
    const [again] = bench.gatekeeper(`<iq type='result' id='${id}' from='${romeo}'>${theirs}</iq>`);
    const ver = verIn(again!);
    expect(ver).not.toBe(verOf(theirs));
    const query = `<iq type='get' id='q' to='${romeo}'><query xmlns='${disco}' node='https://gajim.org#${ver}'/></iq>`;
    expect(bench.client(query)).toEqual([]);
    const [answer] = bench.take('to-client');
    expect(answer).toMatch(new RegExp(`^<iq xmlns='jabber:client' type='result' from='${romeo}' id='q'>`));
    expect(verOf(queryIn(answer!))).toBe(ver);
    expect(answer).not.toContain('reactions');
    expect(bench.counted).toEqual(['asked contact']);
  });

  it('that left before it answered is not shown again', () => {
    const id = present();
    bench.gatekeeper(`<presence type='unavailable' from='${romeo}'/>`);
    expect(bench.gatekeeper(`<iq type='result' id='${id}' from='${romeo}'>${theirs}</iq>`)).toEqual([]);
  });

  it('whose later presence has no capabilities is repeated with the last one', () => {
    const id = present();
    const away = `<presence from='${romeo}'><show>away</show></presence>`;
    expect(bench.gatekeeper(away)).toEqual([away]);
    const again = bench.gatekeeper(`<iq type='result' id='${id}' from='${romeo}'>${theirs}</iq>`);
    expect(again).toHaveLength(1);
    expect(again[0]).toMatch(/<show>away<\/show><c /);
  });

  it('cannot answer in the name of another', () => {
    const id = present();
    expect(
      bench.gatekeeper(`<iq type='result' id='${id}' from='eve@a.example/x'>${theirs}</iq>`),
    ).toHaveLength(1);
    expect(bench.gatekeeper(`<iq type='result' id='${id}' from='${romeo}'>${theirs}</iq>`)).toHaveLength(1);
  });

  it('whose answer goes to the client itself is filtered', () => {
    const answer = (query: string) => `<iq type='result' id='7' from='${romeo}' to='${juliet}'>${query}</iq>`;
    const [cut] = bench.gatekeeper(answer(theirs));
    expect(cut).toContain("<feature var='urn:xmpp:ping'/>");
    expect(cut).not.toContain('reactions');
    const fine = answer(info('urn:xmpp:ping'));
    expect(bench.gatekeeper(fine)).toEqual([fine]);
  });

  it.each([
    ["<feature var='urn:a'/><feature var='urn:a'/>", ''],
    ["<identity category='client' type='pc'/><identity category='client' type='pc'/>", ''],
    ['<feature/><identity/>', ''],
    [
      "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:f</value></field></x>",
      '',
    ],
    [`<d:feature xmlns:d='${disco}' var="urn:a" />`, '<r:other xmlns:r="urn:r">a &amp; b</r:other>'],
  ])(
    'whose answer breaks the rules for hashes is filtered and passed on where it is not hashed: %s',
    (kept, other) => {
      const answer = (inside: string, node = '') =>
        `<iq type='result' id='7' from='${romeo}' to='${juliet}'><query xmlns='${disco}'${node}>${inside}</query></iq>`;
      const hidden = [
        "<feature var='urn:xmpp:reactions:0'/>",
        '<feature var="urn:xmpp:reactions&#58;0" ></feature>',
        `<d:feature xmlns:d='${disco}' var='urn:xmpp:reactions:0'/>`,
        "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>urn:other</value><value> urn:xmpp:dataforms:softwareinfo </value></field></x>",
      ];
      for (const node of ['', " node='http://jabber.org/protocol/commands#add-user'"]) {
        expect(bench.gatekeeper(answer(`${kept}${kept}${other}`, node))).toEqual([
          answer(`${kept}${kept}${other}`, node),
        ]);
        expect(
          bench.gatekeeper(answer(`${hidden[0]}${kept}${hidden.join('')}${other}${kept}\n`, node)),
        ).toEqual([answer(`${kept}${other}${kept}\n`, node)]);
      }
      expect(bench.shared.options.cache.size).toBe(0);
    },
  );

  it.each([
    `https://gajim.org#${verOf(info('urn:a'))}`,
    'urn:xmpp:caps#sha-256.u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY=',
    'urn:xmpp:caps#sha-3.256.x',
  ])('whose answer by the hash %s is not passed on when it cannot be verified', (node) => {
    const answer = (...features: string[]) =>
      `<iq type='result' id='7' from='${romeo}' to='${juliet}'>${info(...features).replace('<query', `<query node='${node}'`)}</iq>`;
    expect(bench.gatekeeper(answer('urn:a'))).toEqual([answer('urn:a')]);
    expect(bench.gatekeeper(answer('urn:a', 'urn:a'))).toEqual([
      `<iq xmlns='jabber:client' type='error' from='${romeo}' to='${juliet}' id='7'><error type='cancel'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    ]);
  });

  it('that answers the proxy against the rules for hashes stays unadvertised, and is not stored', () => {
    const twice = info('urn:xmpp:ping', 'urn:xmpp:ping');
    bench.gatekeeper(`<presence from='${romeo}'>${c('tWJjjfqQMFaMvdUjLbHvPvpgTw8=')}</presence>`);
    const id = idIn(bench.take('to-gatekeeper')[0]!);
    expect(bench.gatekeeper(`<iq type='result' id='${id}' from='${romeo}'>${twice}</iq>`)).toEqual([]);
    expect(bench.shared.options.cache.size).toBe(0);
  });

  it('may be the server: its stream features are queried after binding, and used in the next stream', () => {
    const features = `<stream:features xmlns:stream='http://etherx.jabber.org/streams'>${c(verOf(theirs))}</stream:features>`;
    const [first] = bench.gatekeeper(features);
    expect(first).not.toContain('<c ');
    expect(bench.take('to-gatekeeper')).toEqual([]);
    bench.bind();
    const [question] = bench.take('to-gatekeeper');
    expect(question).toContain(" to='capulet.example'>");
    bench.gatekeeper(`<iq type='result' id='${idIn(question!)}' from='capulet.example'>${theirs}</iq>`);
    const [second] = bench.gatekeeper(features);
    expect(verIn(second!)).not.toBe(verOf(theirs));
  });
});

describe('content that the client cannot receive', () => {
  const reaction = `<message from='${romeo}' to='${juliet}' id='m'><reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions></message>`;
  const location = `<message from='${romeo}' to='${juliet}' id='m'><geoloc xmlns='http://jabber.org/protocol/geoloc'/></message>`;

  it('is bounced, or replaced, by the profile', () => {
    bench = new Bench(profileOf('on-unsupported-content: bounce'));
    bench.client('<presence/>');
    bench.take('to-gatekeeper');
    expect(bench.gatekeeper(location)).toEqual([]);
    expect(bench.take('to-gatekeeper')[0]).toContain(`to='${romeo}' from='${juliet}' id='m' type='error'>`);
    bench = new Bench(profileOf('on-unsupported-content: fallback'));
    bench.client('<presence/>');
    expect(bench.gatekeeper(location)[0]).toContain('<body');
    expect(bench.gatekeeper(reaction)).toEqual([]);
    expect(bench.counted).toEqual(['fallback location', 'drop reaction']);
  });

  it('is not searched for in the client’s own stanzas', () => {
    bench = new Bench(profileOf());
    bench.client('<presence/>');
    bench.take('to-gatekeeper');
    expect(bench.client(location)).toEqual([location]);
  });
});
