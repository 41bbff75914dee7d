/** Peers that attack what is kept of capabilities: what they can reach is bounded, and is theirs alone. */
import { expectLinear } from '../../support/linear.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultContactLimits } from '../../../src/capabilities/contact-advertisements.ts';
import { ContentFilter } from '../../../src/capabilities/content-filter.ts';
import { contentVocabulary } from '../../../src/capabilities/content-kinds.ts';
import { createVocabulary } from '../../../src/stanza/vocabulary.ts';
import { profileOf, table } from '../../capabilities/shipped.ts';
import { stanzaOf } from '../../capabilities/stanza-of.ts';
import {
  Bench,
  c,
  declared,
  disco,
  idIn,
  info,
  juliet,
  queryIn,
  romeo,
  verIn,
  verOf,
} from './capability-bench.ts';

const vocabulary = createVocabulary(contentVocabulary(table));
const theirs = info('urn:xmpp:ping');
const { asksMax, askMs, presenceBytesMax } = defaultContactLimits;

let bench: Bench;

describe('a client', () => {
  const mine = info('urn:xmpp:reactions:0');

  beforeEach(() => {
    bench = new Bench(declared);
    bench.client(`<presence>${c(verOf(mine))}</presence>`);
  });

  it('that answers twice is read once, and the second answer is dropped', () => {
    const id = idIn(bench.take('to-client')[0]!);
    const [presence] = bench.answer(id, mine);
    expect(bench.answer(id, info('urn:leak'))).toEqual([]);
    expect(verOf(queryIn(bench.ask()))).toBe(verIn(presence!));
  });

  it('cannot answer by an id that it was not given', () => {
    bench.take('to-client');
    expect(bench.answer('own2', mine)).toEqual([]);
    expect(queryIn(bench.ask())).not.toContain('reactions');
  });

  it.each([
    ['too many features', info(...Array.from({ length: 3_000 }, (_, n) => `urn:f:${n}`))],
    ['the same feature twice', info('urn:a', 'urn:a')],
    [
      'a form in a form',
      info().replace('</query>', "<x xmlns='jabber:x:data' type='result'><x/></x></query>"),
    ],
    ['an iq in its answer', `<query xmlns='${disco}'><iq xmlns='jabber:client' type='get'/></query>`],
    ['nothing', ''],
  ])('that answers with %s is shown as its profile can vouch for', (_, query) => {
    const id = idIn(bench.take('to-client')[0]!);
    const [presence] = bench.answer(id, query);
    const answer = queryIn(bench.ask());
    expect(verOf(answer)).toBe(verIn(presence!));
    expect(answer).not.toMatch(/urn:f|urn:a|jabber:client|jabber:x:data' type='result'><x/);
    expect(bench.shared.options.cache.size).toBe(0);
  });

  it('that changes its hash at every presence is asked up to the limit, and never stuck', () => {
    let sent = 0;
    for (let n = 0; n < 500; n += 1) sent += bench.client(`<presence>${c(`${n}`)}</presence>`).length;
    bench.wait(10_000);
    sent += bench.take('to-gatekeeper').length;
    expect(sent).toBe(501);
    expect(bench.take('to-client').length).toBeLessThanOrEqual(4);
  });
});

describe('messages in messages', () => {
  it('cost linear time, side by side and inside each other', () => {
    const filter = new ContentFilter(table, vocabulary);
    const profile = profileOf('on-unsupported-content: fallback');
    const wrap = (inside: string) =>
      `<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>${inside}</message></forwarded>`;
    const refused = "<geoloc xmlns='http://jabber.org/protocol/geoloc'/>";
    const beside = (count: number) =>
      stanzaOf(`<message>${wrap(refused).repeat(count)}</message>`, vocabulary);
    const [once, twice] = [beside(1_000), beside(2_000)];
    expectLinear(
      'messages side by side',
      () => expect(filter.judge(once, profile).kind).toBe('fallback'),
      () => expect(filter.judge(twice, profile).kind).toBe('fallback'),
    );
    let nested = refused;
    for (let depth = 0; depth < 60; depth += 1) nested = wrap(nested + refused);
    expect(filter.judge(stanzaOf(`<message>${nested}</message>`, vocabulary), profile)).toMatchObject({
      kind: 'fallback',
      refusals: [{ kind: 'location' }],
    });
  });
});

describe('a contact', () => {
  const shown = (from: string, ver: string): string => {
    const seen = bench.gatekeeper(`<presence from='${from}'>${c(ver)}</presence>`);
    expect(seen).toHaveLength(1);
    return seen[0]!;
  };

  beforeEach(() => {
    bench = new Bench(profileOf('receives: { text: true }'));
  });

  it('by the thousand is asked by the dozen, and each presence arrives', () => {
    for (let n = 0; n < 1_000; n += 1) expect(shown(`eve${n}@a.example/x`, `${n}`)).not.toContain('<c ');
    expect(bench.take('to-gatekeeper')).toHaveLength(asksMax);
    bench.wait(askMs);
    shown('eve@a.example/x', 'anew');
    expect(bench.take('to-gatekeeper')).toHaveLength(1);
  });

  it('that claims the hash of another is forwarded without capabilities, and the other with its own', () => {
    shown('eve@a.example/x', verOf(theirs));
    const [question] = bench.take('to-gatekeeper');
    shown(romeo, verOf(theirs));
    // Eve was first and is asked for both; a lie takes romeo's hash with it, for this time.
    bench.gatekeeper(
      `<iq type='result' id='${idIn(question!)}' from='eve@a.example/x'>${info('urn:lie')}</iq>`,
    );
    expect(bench.take('to-client')).toEqual([]);
    expect(bench.shared.options.cache.size).toBe(0);
    shown(romeo, verOf(theirs));
    const [again] = bench.take('to-gatekeeper');
    expect(again).toContain(` to='${romeo}'`);
    const [truth] = bench.gatekeeper(`<iq type='result' id='${idIn(again!)}' from='${romeo}'>${theirs}</iq>`);
    expect(truth).toContain(`from='${romeo}'`);
    expect(truth).toContain('<c ');
  });

  it('that answers twice, or late, changes nothing', () => {
    shown(romeo, verOf(theirs));
    const id = idIn(bench.take('to-gatekeeper')[0]!);
    const answer = `<iq type='result' id='${id}' from='${romeo}'>${theirs}</iq>`;
    bench.wait(askMs);
    // It is not awaited any more: it is an answer like any other, which the client has not asked for.
    expect(bench.gatekeeper(answer).join('')).not.toContain('<presence');
    expect(bench.shared.options.cache.size).toBe(0);
    shown(romeo, verOf(theirs));
    const again = idIn(bench.take('to-gatekeeper')[0]!);
    expect(bench.gatekeeper(answer.replace(id, again))).toHaveLength(1);
    expect(bench.gatekeeper(answer.replace(id, again)).join('')).not.toContain('<presence');
  });

  it('whose claim cannot be verified is forwarded without capabilities', () => {
    for (const claim of [
      "<c xmlns='http://jabber.org/protocol/caps' node='n' ver='0.9' ext='a b'/>",
      "<c xmlns='http://jabber.org/protocol/caps' hash='md5' node='n' ver='x'/>",
      "<c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='md5'>AA==</hash></c>",
      `<c xmlns='urn:xmpp:caps'>${"<hash xmlns='urn:xmpp:hashes:2' algo='x'>A</hash>".repeat(100)}</c>`,
    ])
      expect(bench.gatekeeper(`<presence from='${romeo}'>${claim}</presence>`)).toEqual([
        `<presence from='${romeo}'></presence>`,
      ]);
    expect(bench.take('to-gatekeeper')).toEqual([]);
  });

  it('that sends presences too large to wait for an answer is shown by each, once, and by nothing it claims', () => {
    const large = (size: number): string =>
      `<presence from='${romeo}'>${c(verOf(theirs))}<status>${'x'.repeat(size)}</status></presence>`;
    const redelivered = (size: number): number => {
      bench = new Bench(profileOf('receives: { text: true }'));
      expect(bench.gatekeeper(large(size))).toHaveLength(1);
      const id = idIn(bench.take('to-gatekeeper')[0]!);
      return bench.gatekeeper(`<iq type='result' id='${id}' from='${romeo}'>${theirs}</iq>`).length;
    };
    expect(redelivered(presenceBytesMax / 2)).toBe(1);
    expect(redelivered(presenceBytesMax)).toBe(0);
  });

  it('that asks a thousand times is answered a thousand times, and the client receives nothing', () => {
    for (let n = 0; n < 1_000; n += 1)
      expect(bench.ask(`https://caps.example/test#${n}`)).toContain('item-not-found');
    expect(bench.take('to-client')).toEqual([]);
    expect(bench.ask()).toContain(` to='${romeo}' from='${juliet}'`);
  });
});
