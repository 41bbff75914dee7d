/** What is owed for each stanza of the chat channel, byte for byte (docs/chat-channel.md, "What is owed"). */
import { describe, expect, it } from 'vitest';
import { answerTo } from '../../../src/minimisation/answer.ts';
import { refusal, withheldAnswer } from '../../../src/minimisation/refuse.ts';
import { setAttribute } from '../../../src/stanza/edits.ts';
import { ns } from '../../../src/stanza/namespaces.ts';
import type { HeldStanza } from '../../../src/stanza/verdict.ts';
import { ChatLegs, type Judge } from './chat-legs.ts';

const chat = `xmlns='${ns.chat}'`;
const juliet = '1555:3@s.whatsapp.net';

const mark = (name: string, base64: string): string =>
  `<a xmlns='${ns.chatMarks}' name='${name}' b64='${base64}'/>`;

const forwardAll: Judge = () => ({ kind: 'forward' });
const dropAll: Judge = () => ({ kind: 'drop' });

/** Drops the stanzas of these kinds, or of these kinds and types, such as `receipt read`. */
function dropping(...names: readonly string[]): Judge {
  return (stanza) => {
    const type = stanza.attributeValue(0, 'type');
    const isDropped = names.includes(stanza.kind) || names.includes(`${stanza.kind} ${type}`);
    return { kind: isDropped ? 'drop' : 'forward' };
  };
}

describe('a dropped stanza of the gatekeeper', () => {
  it.each([
    [
      'message, without its type',
      `<message id='A1' from='${juliet}' type='text' t='1700000000'><enc>AAAA</enc></message>`,
      `<ack ${chat} class='message' id='A1' to='${juliet}'/>`,
    ],
    [
      'message of a group',
      `<message id='A2' from='9@g.us' participant='${juliet}' type='media'/>`,
      `<ack ${chat} class='message' id='A2' to='9@g.us' participant='${juliet}'/>`,
    ],
    [
      'message of another device of the account',
      `<message id='A3' from='1444:2@s.whatsapp.net' recipient='${juliet}'/>`,
      `<ack ${chat} class='message' id='A3' to='1444:2@s.whatsapp.net' recipient='${juliet}'/>`,
    ],
    [
      'receipt, with its type',
      `<receipt id="B1" from="${juliet}" type="read"/>`,
      `<ack ${chat} class='receipt' id="B1" to="${juliet}" type="read"/>`,
    ],
    [
      'receipt without a type',
      `<receipt id='B2' from='${juliet}'/>`,
      `<ack ${chat} class='receipt' id='B2' to='${juliet}'/>`,
    ],
    [
      'notification',
      "<notification id='C1' from='9@g.us' type='w:gp2' participant='1555@s.whatsapp.net'/>",
      `<ack ${chat} class='notification' id='C1' to='9@g.us' type='w:gp2' participant='1555@s.whatsapp.net'/>`,
    ],
    [
      'notification about keys',
      "<notification id='C2' from='s.whatsapp.net' type='encrypt'><count value='3'/></notification>",
      `<ack ${chat} class='notification' id='C2' to='s.whatsapp.net' type='encrypt'/>`,
    ],
    [
      'notification about an identity, without its type',
      `<notification id='C3' from='${juliet}' type='encrypt'><identity/></notification>`,
      `<ack ${chat} class='notification' id='C3' to='${juliet}'/>`,
    ],
    ['call', `<call id='D1' from='${juliet}'/>`, `<ack ${chat} class='call' id='D1' to='${juliet}'/>`],
    [
      'status',
      `<status id='E1' from='status@broadcast' participant='${juliet}'/>`,
      `<ack ${chat} class='status' id='E1' to='status@broadcast' participant='${juliet}'/>`,
    ],
    [
      'request, with its references',
      "<iq id='F&amp;1' from='s.whatsapp.net' type='get' n:xmlns='urn:xmpp:ping'/>",
      `<iq ${chat} id='F&amp;1' to='s.whatsapp.net' type='error'><error code='503' text='service-unavailable'/></iq>`,
    ],
    [
      'request without an id',
      "<iq from='s.whatsapp.net' type='get'/>",
      `<iq ${chat} to='s.whatsapp.net' type='error'><error code='503' text='service-unavailable'/></iq>`,
    ],
    [
      'message whose id and sender XML lacks characters for',
      "<message type='text'><n:a name='id' b64='AQ=='/><n:a name='from' b64='Ag=='/><n:a name='t' b64='Aw=='/><enc>AAAA</enc></message>",
      `<ack ${chat} class='message'>${mark('id', 'AQ==')}${mark('to', 'Ag==')}</ack>`,
    ],
    [
      'request whose id XML lacks characters for',
      "<iq from='s.whatsapp.net' type='get'><n:a name='id' b64='AQ=='/></iq>",
      `<iq ${chat} to='s.whatsapp.net' type='error'>${mark('id', 'AQ==')}<error code='503' text='service-unavailable'/></iq>`,
    ],
    ['presence', `<presence from='${juliet}' type='unavailable'/>`, ''],
    ['typing indicator', `<chatstate from='${juliet}'><composing/></chatstate>`, ''],
    ['ib', "<ib from='s.whatsapp.net'><dirty/></ib>", ''],
  ])('%s', (_, received, reply) => {
    expect(new ChatLegs(dropAll).fromGatekeeper(received)).toEqual({ client: '', gatekeeper: reply });
  });

  it('is acknowledged when it is dropped, also after it was held', () => {
    const held: HeldStanza[] = [];
    const legs = new ChatLegs(() => ({ kind: 'hold', keep: (one) => held.push(one) }));
    expect(legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`)).toEqual({
      client: '',
      gatekeeper: '',
    });
    held[0]!.drop();
    expect(legs.news()).toEqual({
      client: '',
      gatekeeper: `<ack ${chat} class='message' id='A1' to='${juliet}'/>`,
    });
  });

  it('is not acknowledged while it waits, nor when the session ends', async () => {
    const legs = new ChatLegs(() => ({ kind: 'forward', delayMs: 1_000 }));
    legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`);
    legs.clock.advance(999);
    await legs.legs.relay.end();
    legs.clock.advance(10_000);
    expect(legs.news()).toEqual({ client: '', gatekeeper: '' });
  });
});

describe('a dropped stanza of the client', () => {
  it.each([
    [
      'message',
      `<message id='M1' to='${juliet}' type='text'/>`,
      `<ack ${chat} class='message' id='M1' from='${juliet}' error='503'/>`,
    ],
    [
      'message to a group',
      `<message id='M2' to='9@g.us' participant='${juliet}' type='text'/>`,
      `<ack ${chat} class='message' id='M2' from='9@g.us' participant='${juliet}' error='503'/>`,
    ],
    [
      'request',
      "<iq id='Q1' to='s.whatsapp.net' type='set' n:xmlns='privacy'><privacy/></iq>",
      `<iq ${chat} id='Q1' from='s.whatsapp.net' type='error'><error code='503' text='service-unavailable'/></iq>`,
    ],
    ['receipt of an earlier message', `<receipt id='Z9' to='${juliet}' type='read'/>`, ''],
    ['presence', "<presence type='available' name='Juliet'/>", ''],
    ['typing indicator', `<chatstate to='${juliet}'><paused/></chatstate>`, ''],
    ['call', `<call id='D1' to='${juliet}'/>`, ''],
    ['status', `<status id='E1'/>`, ''],
  ])('%s', (_, sent, reply) => {
    expect(new ChatLegs(dropAll).fromClient(sent)).toEqual({ client: reply, gatekeeper: '' });
  });
});

describe('a refused stanza', () => {
  it.each([
    ['policy-violation', 406],
    ['forbidden', 403],
    ['not-allowed', 405],
    ['not-acceptable', 406],
    ['service-unavailable', 503],
    ['feature-not-implemented', 501],
    ['item-not-found', 404],
  ] as const)('has the code of %s', (condition, code) => {
    const legs = new ChatLegs((stanza, direction) => ({
      kind: 'drop',
      reply: refusal(stanza, direction, condition)!,
    }));
    expect(legs.fromClient(`<message id='M1' to='${juliet}'/><iq id='Q1' type='get'/>`).client).toBe(
      `<ack ${chat} class='message' id='M1' from='${juliet}' error='${code}'/>` +
        `<iq ${chat} id='Q1' type='error'><error code='${code}' text='${condition}'/></iq>`,
    );
    // The gatekeeper reads no error.
    expect(legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`).gatekeeper).toBe(
      `<ack ${chat} class='message' id='A1' to='${juliet}'/>`,
    );
  });

  it('is answered where the policy answers in the place of the client', () => {
    const legs = new ChatLegs((stanza) => ({ kind: 'drop', reply: answerTo(stanza, '<pong/>') }));
    expect(legs.fromGatekeeper("<iq id='1' from='s.whatsapp.net' type='get'/>").gatekeeper).toBe(
      `<iq ${chat} id='1' to='s.whatsapp.net' type='result'><pong/></iq>`,
    );
  });
});

describe('a dropped receipt of the client', () => {
  const message = `<message id='A1' from='${juliet}'/>`;
  const receipt = `<receipt id='A1' to='1555@s.whatsapp.net'/>`;
  const ack = `<ack ${chat} class='message' id='A1' to='${juliet}'/>`;
  const ownAck = `<ack class='message' id='A1' to='${juliet}'/>`;

  const received = (judge: Judge, ...messages: readonly string[]): ChatLegs => {
    const legs = new ChatLegs(judge);
    for (const one of messages.length === 0 ? [message] : messages) legs.fromGatekeeper(one);
    return legs;
  };

  it('is replaced by an acknowledgement, addressed as the message was', () => {
    expect(received(dropping('receipt')).fromClient(receipt)).toEqual({ client: '', gatekeeper: ack });
  });

  it('is replaced once: later receipts and the own acknowledgement are too late', () => {
    const legs = received(dropping('receipt'));
    expect(legs.fromClient(receipt + ownAck + receipt + ownAck).gatekeeper).toBe(ack);
  });

  it('is not replaced after the own acknowledgement', () => {
    expect(received(dropping('receipt')).fromClient(ownAck + receipt).gatekeeper).toBe(ownAck);
  });

  it('is not replaced after another receipt was sent, whose acknowledgement passes', () => {
    const legs = received(dropping('receipt read'));
    const read = `<receipt id='A1' to='${juliet}' type='read'/>`;
    expect(legs.fromClient(receipt + read + ownAck).gatekeeper).toBe(receipt + ownAck);
  });

  it('is not replaced while another receipt waits', () => {
    const judge: Judge = (stanza) => {
      if (stanza.attributeValue(0, 'type') === 'read') return { kind: 'drop' };
      return { kind: 'forward', delayMs: stanza.kind === 'receipt' ? 1_000 : 0 };
    };
    const legs = received(judge);
    expect(legs.fromClient(`${receipt}<receipt id='A1' to='${juliet}' type='read'/>`).gatekeeper).toBe('');
    legs.clock.advance(1_000);
    expect(legs.news().gatekeeper).toBe(receipt);
  });

  it('is replaced when it is dropped after it was held, unless it was acknowledged meanwhile', () => {
    const held: HeldStanza[] = [];
    const judge: Judge = (stanza) =>
      stanza.kind === 'receipt' ? { kind: 'hold', keep: (one) => held.push(one) } : { kind: 'forward' };
    const late = received(judge);
    late.fromClient(receipt);
    held[0]!.drop();
    expect(late.news().gatekeeper).toBe(ack);
    const early = received(judge);
    // The acknowledgement keeps its place after the receipt that is held.
    expect(early.fromClient(receipt + ownAck).gatekeeper).toBe('');
    held[1]!.drop();
    expect(early.news().gatekeeper).toBe(ownAck);
  });

  it('is replaced by one for each message that it names', () => {
    const of = (id: string): string => `<message id='${id}' from='9@g.us' participant='${juliet}'/>`;
    const legs = received(dropping('receipt'), of('A1'), of('A2'), of('A3'));
    const list = "<list><item id='A3'/><item id='A0'/></list>";
    expect(
      legs.fromClient(`<receipt id='A1' to='9@g.us' participant='${juliet}' type='read'>${list}</receipt>`)
        .gatekeeper,
    ).toBe(
      ['A1', 'A3']
        .map((id) => `<ack ${chat} class='message' id='${id}' to='9@g.us' participant='${juliet}'/>`)
        .join(''),
    );
  });

  it('settles a message of another device of the account, in either form', () => {
    const own = `<message id='A1' from='1444:2@s.whatsapp.net' recipient='${juliet}'/>`;
    const expected = `<ack ${chat} class='message' id='A1' to='1444:2@s.whatsapp.net' recipient='${juliet}'/>`;
    for (const form of [
      "to='1444@s.whatsapp.net' recipient='1555@s.whatsapp.net'",
      "to='1555@s.whatsapp.net'",
    ]) {
      const legs = received(dropping('receipt'), own);
      expect(legs.fromClient(`<receipt id='A1' ${form} type='sender'/>`).gatekeeper).toBe(expected);
    }
  });

  it('tells messages with the same id apart by their senders', () => {
    const other = "<message id='A1' from='1666@s.whatsapp.net'/>";
    const legs = received(dropping('receipt'), other, message);
    expect(legs.fromClient(receipt).gatekeeper).toBe(ack);
    expect(legs.fromClient("<receipt id='A1' to='1777@s.whatsapp.net'/>").gatekeeper).toBe('');
  });

  it('does not settle a message of which it asks for a repetition', () => {
    const legs = received(dropping('receipt read'));
    const retry = `<receipt id='A1' to='${juliet}' type='retry'><retry/></receipt>`;
    expect(legs.fromClient(`${retry}<receipt id='A1' to='${juliet}' type='read'/>`).gatekeeper).toBe(
      retry + ack,
    );
  });

  it('is not replaced when it is lowered', () => {
    const legs = received((stanza) =>
      stanza.kind === 'receipt'
        ? { kind: 'forward', edits: [setAttribute(stanza, 0, 'type', 'inactive')] }
        : { kind: 'forward' },
    );
    expect(legs.fromClient(receipt).gatekeeper).toBe(
      "<receipt type='inactive' id='A1' to='1555@s.whatsapp.net'/>",
    );
  });

  it('names the message as the gatekeeper does, where the client was shown another name', () => {
    const legs = received((stanza, direction) => {
      if (stanza.kind === 'receipt') return { kind: 'drop' };
      if (direction === 'to-gatekeeper') return { kind: 'forward' };
      const shown = setAttribute(stanza, 0, 'from', 'x&y@lid');
      return { kind: 'forward', edits: [shown, setAttribute(stanza, 0, 'id', 'B7')] };
    });
    expect(legs.fromClient("<receipt id='B7' to='x&amp;y@lid'/>").gatekeeper).toBe(ack);
  });
});

describe('an acknowledgement or answer of the client', () => {
  const ack = `<ack class='message' id='A1' to='${juliet}'/>`;

  it('passes once, byte for byte', () => {
    const legs = new ChatLegs(forwardAll);
    legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`);
    expect(legs.fromClient(ack + ack)).toEqual({ client: '', gatekeeper: ack });
  });

  it('passes for each receipt of one message', () => {
    const legs = new ChatLegs(forwardAll);
    const receipt = (type: string): string => `<receipt id='M1' from='${juliet}'${type}/>`;
    legs.fromGatekeeper(receipt('') + receipt(" type='read'"));
    const own = (type: string): string => `<ack class='receipt' id='M1' to='${juliet}'${type}/>`;
    const both = own('') + own(" type='read'");
    expect(legs.fromClient(both + both).gatekeeper).toBe(both);
  });

  it('does not pass for a stanza that the policy has dropped and the proxy acknowledged', () => {
    const legs = new ChatLegs(dropping('message'));
    legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`);
    expect(legs.fromClient(ack)).toEqual({ client: '', gatekeeper: '' });
  });

  it('does not pass for a stanza that still waits in the proxy', () => {
    const judge: Judge = (_, direction) => ({
      kind: 'forward',
      delayMs: direction === 'to-client' ? 1_000 : 0,
    });
    const legs = new ChatLegs(judge);
    legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`);
    expect(legs.fromClient(ack).gatekeeper).toBe('');
    legs.clock.advance(1_000);
    expect(legs.fromClient(ack).gatekeeper).toBe(ack);
  });

  it('does not pass for another class, id or sender', () => {
    const legs = new ChatLegs(forwardAll);
    legs.fromGatekeeper(`<message id='A1' from='${juliet}'/>`);
    const others =
      `<ack class='receipt' id='A1' to='${juliet}'/><ack id='A1' to='${juliet}'/>` +
      `<ack class='message' id='A2' to='${juliet}'/><ack class='message' id='A1' to='1666@s.whatsapp.net'/>`;
    expect(legs.fromClient(others).gatekeeper).toBe('');
    expect(legs.fromClient(ack).gatekeeper).toBe(ack);
  });

  it('passes where XML lacks characters for its id', () => {
    const legs = new ChatLegs(forwardAll);
    legs.fromGatekeeper(`<message from='${juliet}'><n:a name='id' b64='AQ=='/></message>`);
    const own = (id: string): string => `<ack class='message' to='${juliet}'>${mark('id', id)}</ack>`;
    expect(legs.fromClient(own('Ag==') + own('AQ==') + own('AQ==')).gatekeeper).toBe(own('AQ=='));
  });

  it('passes for each kind that the gatekeeper repeats', () => {
    const legs = new ChatLegs(forwardAll);
    for (const kind of ['message', 'receipt', 'notification', 'call', 'status']) {
      legs.fromGatekeeper(`<${kind} id='1' from='${juliet}' type='x'/>`);
      const own = `<ack class='${kind}' id='1' to='${juliet}' type='x'/>`;
      expect(legs.fromClient(own).gatekeeper).toBe(own);
    }
  });

  it('passes once for each request', () => {
    const legs = new ChatLegs(forwardAll);
    legs.fromGatekeeper(
      "<iq id='1' from='s.whatsapp.net' type='get'/><iq from='s.whatsapp.net' type='get'/>",
    );
    const result = "<iq id='1' to='s.whatsapp.net' type='result'/>";
    expect(legs.fromClient(result + result).gatekeeper).toBe(result);
    const unnamed = "<iq to='s.whatsapp.net' type='error'/>";
    expect(legs.fromClient(unnamed + unnamed).gatekeeper).toBe(unnamed);
  });

  it('stays without its content, a result as an error, when the policy withholds it', () => {
    const legs = new ChatLegs((stanza, direction) =>
      direction === 'to-client'
        ? { kind: 'forward' }
        : { kind: 'forward', edits: withheldAnswer(stanza, []) },
    );
    legs.fromGatekeeper(`<message id='A1' from='${juliet}'/><iq id='1' from='s.whatsapp.net' type='get'/>`);
    expect(legs.fromClient(`<ack class='message' id='A1' to='${juliet}'><x/></ack>`).gatekeeper).toBe(
      `<ack class='message' id='A1' to='${juliet}'></ack>`,
    );
    expect(legs.fromClient("<iq id='1' to='s.whatsapp.net' type='result'><x/></iq>").gatekeeper).toBe(
      `<iq id='1' to='s.whatsapp.net' type='error'><error ${chat} code='503' text='service-unavailable'/></iq>`,
    );
  });

  it('is forgotten beyond the limit, the oldest first: the gatekeeper will send the stanza again', () => {
    const legs = new ChatLegs(forwardAll, { limits: { unacknowledgedMax: 2 } });
    for (const id of ['1', '2', '3']) legs.fromGatekeeper(`<message id='${id}' from='${juliet}'/>`);
    const own = (id: string): string => `<ack class='message' id='${id}' to='${juliet}'/>`;
    expect(legs.fromClient(own('1') + own('2') + own('3')).gatekeeper).toBe(own('2') + own('3'));
  });
});

describe('stream management', () => {
  it('is not there: its elements change nothing', async () => {
    const { legs } = new ChatLegs(forwardAll);
    legs.read('to-gatekeeper', `<enable xmlns='${ns.sm}' resume='true'/>`);
    legs.read('to-client', `<enabled xmlns='${ns.sm}' id='x' resume='true'/>`);
    expect(legs.relay.resumable).toBe(false);
    expect(await legs.relay.end()).toBe(false);
  });
});
