/** How a script is played, with clients that a test writes. */
import { describe, expect, it } from 'vitest';
import { withOwnNames } from './names.ts';
import { runScript, type Failure, type Player } from './run.ts';
import { parseScript, type ScriptClient } from './script.ts';

interface Told {
  /** What the clients did, in order. */
  readonly told: string[];
  readonly failure: Failure;
}

/** Plays with clients that receive what `arrives` has, by name. */
async function play(actions: string, arrives: Record<string, string[]> = {}): Promise<Told> {
  const told: string[] = [];
  const header = ['Romeo', 'Juliet'].map(
    (name) => `[Client] ${name}\n\tjid: ${name.toLowerCase()}@localhost\n\tpassword: p`,
  );
  const script = parseScript(`${header.join('\n')}\n---\n${actions}`);
  const connect = ({ name, local, domain }: ScriptClient): Promise<Player> => {
    told.push(`${name} connects`);
    const waiting = arrives[name] ?? [];
    return Promise.resolve({
      fullJid: `${local}@${domain}/'1'`,
      received: waiting,
      send: (xml) => Promise.resolve(void told.push(`${name} sends ${xml.trim()}`)),
      settled: () => Promise.resolve(void told.push(`${name} settles`)),
      close: () => Promise.resolve(void told.push(`${name} leaves`)),
    });
  };
  const failure = await runScript(script, connect, { patienceMs: 0, heldMs: 0 });
  return { told, failure };
}

describe('a run', () => {
  it('lets the server deal with what one sends before another sends or connects', async () => {
    const { told, failure } = await play(
      'Romeo connects\nRomeo sends:\n\t<iq/>\nRomeo sends:\n\t<iq/>\nJuliet connects\nJuliet sends:\n\t<iq/>\nRomeo sends:\n\t<iq/>\nRomeo disconnects',
    );
    expect(failure).toBeUndefined();
    expect(told).toEqual([
      'Romeo connects',
      'Romeo sends <iq/>',
      'Romeo sends <iq/>',
      'Romeo settles',
      'Juliet connects',
      'Juliet sends <iq/>',
      'Juliet settles',
      'Romeo sends <iq/>',
      'Romeo leaves',
      'Juliet leaves',
    ]);
  });

  it('gives addresses and what was captured to later stanzas', async () => {
    const { told } = await play(
      'Romeo connects\nRomeo receives:\n\t<iq id=\'{scansion:capture:id}\'/>\nRomeo sends:\n\t<iq id="${id}" from="${Romeo\'s full JID}" to="${Juliet\'s JID}"/>',
      { Romeo: ["<iq id='a&amp;b'/>"] },
    );
    expect(told[1]).toBe(
      `Romeo sends <iq id="a&amp;b" from="romeo@localhost/&apos;1&apos;" to="juliet@localhost"/>`,
    );
  });

  it('passes over what does not fit', async () => {
    const script = 'Romeo connects\nRomeo receives:\n\t<message/>\nRomeo receives:\n\t<iq/>';
    const { failure } = await play(script, { Romeo: ['<presence/>', '<message/>', '<presence/>', '<iq/>'] });
    expect(failure).toBeUndefined();
  });

  it('leaves out what a client that has left would send', async () => {
    const { told, failure } = await play(
      'Romeo connects\nRomeo disconnects\nRomeo sends:\n\t<iq/>\nRomeo disconnects',
    );
    expect({ told, failure }).toEqual({ told: ['Romeo connects', 'Romeo leaves'], failure: undefined });
  });

  it.each([
    ['nothing arrives', 'Romeo receives:\n\t<iq/>', [], 'receives: nothing more came'],
    [
      'it came before',
      'Romeo receives:\n\t<iq/>\nRomeo receives:\n\t<message/>',
      ['<message/>', '<iq/>'],
      'receives: nothing more came',
    ],
    [
      'another arrives',
      "Romeo receives:\n\t<iq id='1'/>",
      ["<iq id='2'/>", '<message/>'],
      "receives: iq: id is '2', not '1'; received <iq id='2'/>",
    ],
    [
      'something arrives that may not',
      'Romeo receives nothing',
      ['<iq/>'],
      'receives nothing: received <iq/>',
    ],
    ['a value is not known', 'Romeo sends:\n\t<iq id="${id}"/>', [], 'sends: Error: ${id} has no value yet'],
    [
      'a stanza is not well-formed',
      'Romeo sends:\n\t<iq>',
      [],
      'sends: SyntaxError: not whole stanzas: \t<iq>',
    ],
    ['it connects again', 'Romeo connects', [], 'connects: is connected already'],
    ['it is not connected', 'Juliet sends:\n\t<iq/>', [], 'sends: is not connected'],
  ])('fails where %s, and closes', async (_, action, arrives, reason) => {
    const { told, failure } = await play(`Romeo connects\n${action}`, { Romeo: arrives });
    expect(failure?.reason.replace(/^\w+ /, '')).toBe(reason);
    expect(told.at(-1)).toBe('Romeo leaves');
  });
});

it('names of its own are given to each address below localhost, and to nothing else', () => {
  expect(
    withOwnNames(
      "jid: romeo@localhost/a to='room@conference.localhost/b' 'localhost' a@b.example xmpp:c.d@localhost",
      '7',
    ),
  ).toBe(
    "jid: romeo-7@localhost/a to='room-7@conference.localhost/b' 'localhost' a@b.example xmpp:c.d-7@localhost",
  );
});
