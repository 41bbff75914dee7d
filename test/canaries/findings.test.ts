/** What is found is compared with what the policy says: of the receiving party, and of all other places. */
import { describe, expect, it } from 'vitest';
import { canariesOf } from '../../src/canaries/canary.ts';
import { isShown, longestWaitMs } from '../../src/canaries/expectation.ts';
import { judge, PlaceSearch, type SearchedPlace } from '../../src/canaries/findings.ts';
import type { PlaceName } from '../../src/canaries/places.ts';
import { parseMappings } from '../../src/canaries/process-memory.ts';
import { canariesJson, canariesText } from '../../src/canaries/render.ts';
import { Search } from '../../src/canaries/search.ts';
import { catalogue, policyOf, policyText } from '../policy/fixtures.ts';

const canaries = canariesOf(catalogue);
const search = new Search(canaries.sent.map(({ forms }) => forms));
const canary = (field: string, direction = 'to-gatekeeper', protocol = 'xmpp') =>
  canaries.sent.find(
    (each) => each.field.name === field && each.direction === direction && each.field.protocol === protocol,
  )!;
const policy = policyOf(
  policyText('{ gatekeeper: { "*": keep, chat-state: drop, attention: { drop: {} } } }'),
);

function place(name: PlaceName, ...texts: readonly string[]): SearchedPlace {
  const one = new PlaceSearch(name, canaries.sent, search);
  for (const text of texts) one.look(Buffer.from(text));
  return one.done();
}

function judged(...places: readonly SearchedPlace[]) {
  return judge({
    canaries,
    sending: new Map(),
    places,
    skipped: [],
    isShown: (each) => isShown(policy, each, 0),
  });
}

describe('a finding', () => {
  it('is no leak where the policy shows the field to the party that receives it', () => {
    const report = judged(place('gatekeeper', canary('content.body').text));
    expect(report.leaks).toEqual([]);
    const verdictOf = (field: string) =>
      report.canaries.find((each) => each.canary === canary(field))!.verdicts.gatekeeper;
    expect([verdictOf('content.body'), verdictOf('content.subject'), verdictOf('chat-state')]).toEqual([
      'shown',
      'absent',
      'hidden',
    ]);
  });

  it.each<[PlaceName, string]>([
    ['gatekeeper', 'chat-state'],
    ['provider', 'content.body'],
    ['output', 'content.body'],
    ['metrics', 'content.body'],
    ['traces', 'content.body'],
    ['ledger', 'content.body'],
    ['admin', 'content.body'],
    ['crash', 'content.body'],
    ['heap', 'content.body'],
    ['buffers', 'content.body'],
  ])('at %s is a leak of %s', (name, field) => {
    const { leaks } = judged(place(name, 'nothing', `<x>${canary(field).marker.value}</x>`));
    expect(leaks.map((each) => [each.place, each.sighting.canary.field.name])).toEqual([[name, field]]);
  });

  it('at the party that sent it is none', () => {
    expect(judged(place('client', canary('chat-state').text)).leaks).toEqual([]);
  });

  it('in freed memory is reported, and no leak', () => {
    const report = judged(place('memory', canary('content.body').text));
    expect(report.leaks).toEqual([]);
    expect(report.canaries.find((each) => each.canary === canary('content.body'))!.verdicts.memory).toBe(
      'remains',
    );
  });

  it('in a heap is kept on purpose only by what is named', () => {
    const kept = (keptBy: readonly string[]): string => {
      const heap = new PlaceSearch('heap', canaries.sent, search);
      heap.note(canaries.sent.indexOf(canary('push.body', 'to-client')), 'plain', keptBy);
      const { leaks, named } = judged(heap.done());
      return `${leaks.length} leaks, ${named.length} named`;
    };
    expect(kept(['Object.body', 'ClientRequest._events', 'Agent.sockets'])).toBe('0 leaks, 1 named');
    expect(kept(['Object.body', 'Map.table', 'PolicyRuntime.#cache'])).toBe('1 leaks, 0 named');
  });
});

describe('a report', () => {
  const report = judged(place('gatekeeper', canary('chat-state').text), place('output', ''));
  const policies = { policy: 'ours', expected: 'ours' };

  it('names fields and places, and no value', () => {
    for (const text of [canariesText(report, policies), canariesJson(report, policies)]) {
      expect(text).toContain('chat-state');
      for (const { marker } of canaries.sent) expect(text).not.toContain(marker.needle);
    }
  });

  it('has a row for every canary', () => {
    const rows = canariesText(report, policies).split('\n');
    for (const { field, direction } of canaries.sent) {
      const name = field.protocol === 'xmpp' ? field.name : `${field.name} (chat)`;
      expect(rows.some((row) => row.startsWith(`  ${name.padEnd(31)}${direction}`))).toBe(true);
    }
  });
});

describe('an expectation', () => {
  it('lets an exception show what the policy hides, while it applies', () => {
    const exception = policyOf(
      policyText('{ gatekeeper: { "*": drop } }').replace(
        /$/,
        '\n  exceptions:\n    - { when: { contact-domain: b.example }, audiences: { gatekeeper: { attention: keep } }, why: asked for, approved-by: a@b.example, expires: 2030-01-01 }\n',
      ),
    );
    expect(isShown(exception, canary('attention'), Date.UTC(2029, 0, 1))).toBe(true);
    expect(isShown(exception, canary('attention'), Date.UTC(2031, 0, 1))).toBe(false);
    expect(isShown(exception, canary('chat-state'), 0)).toBe(false);
  });

  it('takes what is lowered for shown, where something is lower', () => {
    const lowering = policyOf(
      policyText('{ gatekeeper: { receipt.delivered: { lower: {} }, receipt.read: { lower: {} } } }'),
    );
    for (const field of ['receipt.delivered', 'receipt.read']) {
      expect(isShown(lowering, canary(field, 'to-gatekeeper', 'chat-channel'), 0)).toBe(true);
      expect(isShown(lowering, canary(field, 'to-gatekeeper'), 0)).toBe(false);
    }
  });

  it('knows the longest time that a policy holds something back', () => {
    const text =
      '{ gatekeeper: { chat-state: { delay: { up-to: 5s } }, receipt.read: { equalise: { after: 3s } } } }';
    expect(longestWaitMs(policyOf(policyText(text)))).toBe(5_000);
  });
});

it('reads the mappings of a process that are private and writable', () => {
  const text = [
    '1000-2000 rw-p 00000000 00:00 0                          [heap]',
    '3000-4000 rw-s 00000000 00:00 0 ',
    '5000-6000 r--p 00000000 00:00 0 ',
    '7000-8000 rw-p 00000000 00:05 7                          /dev/zero',
    '9000-a000 rwxp 00000000 00:00 0 ',
  ].join('\n');
  expect(parseMappings(text)).toEqual([
    { start: 0x1000, end: 0x2000 },
    { start: 0x9000, end: 0xa000 },
  ]);
});
