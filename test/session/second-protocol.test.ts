/** The stanzas of another protocol are data: what relays XMPP relays them too. */
import { describe, expect, it } from 'vitest';
import { answerTo } from '../../src/minimisation/answer.ts';
import { isOwedAnswer, refusal } from '../../src/minimisation/refuse.ts';
import type { StageFactory } from '../../src/session/stage.ts';
import { createNames } from '../../src/stanza/names.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import type { Owed, StanzaProtocol, StanzaRow } from '../../src/stanza/protocol.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import type { HeldStanza } from '../../src/stanza/verdict.ts';
import { Legs } from './legs.ts';

const names = createNames(
  [...Object.values(ns), 'urn:chat'],
  ['receipt', 'query', 'message', 'id', 'to', 'from', 'type'],
);

function owes(byType: Record<string, Owed>, otherwise: Owed): StanzaRow['owes'] {
  return { 'to-gatekeeper': { byType, otherwise }, 'to-client': { byType, otherwise } };
}

/** Receipts are stanzas here, and what XMPP calls one is not. A device is written after a colon. */
const chat: StanzaProtocol = {
  namespace: 'urn:chat',
  declarations: new Map([['', 'urn:chat']]),
  stanzas: [
    { local: 'receipt', kind: 'message', owes: owes({ final: 'nothing' }, 'refusal') },
    { local: 'query', kind: 'iq', owes: owes({ result: 'nothing' }, 'answer') },
  ],
  partyAttributes: { 'to-gatekeeper': ['to'], 'to-client': ['from'] },
  partyOf: (address) => address.split(':', 1)[0]!,
  replyAttributes: [
    ['to', 'from'],
    ['id', 'id'],
  ],
  refusalContent: (condition) => `<refused why='${condition}'/>`,
};

const receipt = (id: string, to: string, type = 'read'): string =>
  `<receipt xmlns='urn:chat' id='${id}' to='${to}' from='juliet' type='${type}'/>`;

interface Seen {
  readonly kinds: string[];
  readonly held: HeldStanza[];
  readonly answers: (string | undefined)[];
}

function connect(): { legs: Legs; seen: Seen } {
  const seen: Seen = { kinds: [], held: [], answers: [] };
  const stage: StageFactory = {
    name: 'policy',
    begin: () => ({
      judge: (stanza: Stanza, direction: Direction) => {
        seen.kinds.push(stanza.kind);
        seen.answers.push(refusal(stanza, direction, 'forbidden')?.toString());
        if (isOwedAnswer(stanza, direction)) return { kind: 'drop', reply: answerTo(stanza, '<ok/>') };
        if (stanza.attributeValue(0, 'id') !== 'held') return { kind: 'forward' };
        return { kind: 'hold', keep: (stanzaHeld) => seen.held.push(stanzaHeld) };
      },
    }),
  };
  return { legs: new Legs({ stages: [stage], names, protocol: chat }), seen };
}

describe('a protocol with stanzas of its own', () => {
  it('defines which elements are stanzas', () => {
    const { legs, seen } = connect();
    legs.read('to-gatekeeper', `${receipt('1', 'romeo')}<message/><receipt/>`);
    expect(seen.kinds).toEqual(['message', 'nonza', 'nonza']);
  });

  it('defines the other party, whose stanzas keep their order', () => {
    const { legs, seen } = connect();
    legs.read(
      'to-gatekeeper',
      receipt('held', 'romeo:1') + receipt('2', 'romeo:2') + receipt('3', 'tybalt:1'),
    );
    const left = (): string[] =>
      [...legs.out['to-gatekeeper'].join('').matchAll(/ id='([^']+)'/g)].map(([, id]) => id!);
    expect(left()).toEqual(['3']);
    seen.held[0]!.release();
    expect(left()).toEqual(['3', 'held', '2']);
  });

  it('defines what is owed, and its form', () => {
    const { legs, seen } = connect();
    legs.read('to-gatekeeper', receipt('1', 'romeo') + receipt('2', 'romeo', 'final'));
    expect(seen.answers).toEqual([
      "<receipt xmlns='urn:chat' to='juliet' id='1' type='error'><refused why='forbidden'/></receipt>",
      undefined,
    ]);
    legs.read('to-gatekeeper', "<query xmlns='urn:chat' id='3' from='juliet'/>");
    expect(legs.out['to-client'].join('')).toBe(
      "<query xmlns='urn:chat' to='juliet' id='3' type='result'><ok/></query>",
    );
  });
});
