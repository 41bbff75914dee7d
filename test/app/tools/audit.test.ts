import { describe, expect, test } from 'vitest';
import type { AudienceFigures, FieldRow } from '../../../src/audit/audit.ts';
import { openCatalogue, openPolicyFiles } from '../../../src/app/files/policies.ts';
import { auditRecordings, type RecordingAudit } from '../../../src/app/tools/audit.ts';
import { renderRecord, type RecordingRecord } from '../../../src/recording/record.ts';
import { longRun } from '../../long/audit-populations.ts';
import { drawing, entropyOf, populations } from '../../support/populations.ts';
import { Random } from '../../support/random.ts';
import { clientStream, presenceWithNick } from '../../support/recorded-clients.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const catalogue = openCatalogue();

async function auditText(
  text: string,
  policies: readonly string[],
  direction: 'to-gatekeeper' | 'to-client' = 'to-gatekeeper',
): Promise<RecordingAudit> {
  await using folder = await temporaryFolder();
  const file = await folder.write('recording', text);
  return await auditRecordings({
    files: [file],
    catalogue,
    policies: policies.map((name) => ({ policy: openPolicyFiles(name).policy, digest: '' })),
    direction,
    clock: () => 0,
    progress: () => {},
  });
}

function rowOf({ fields }: AudienceFigures, name: string, aspect = 'value'): FieldRow {
  return fields.find((row) => row.field === name && row.aspect === aspect)!;
}

function gatekeeper({ audiences }: RecordingAudit): AudienceFigures {
  return audiences.find(({ audience }) => audience === 'gatekeeper')!;
}

describe('a recording of four clients, computed by hand', () => {
  const active = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
  const message = (content: string): string =>
    `<message to='romeo@montague.example' type='chat'>${content}</message>`;
  const recording = [
    clientStream(1, presenceWithNick('Ann'), message(`<body>a</body>${active}`)),
    clientStream(2, presenceWithNick('Ann'), message(`<body>a</body>${active}`), message(active)),
    clientStream(3, presenceWithNick('Bob'), message('<body>a</body>')),
    clientStream(4, message('<body>a</body>'), presenceWithNick('Cid'), presenceWithNick('Ann')),
  ].join('');

  test('a field: half show Ann, one Bob, one both Cid and Ann', async () => {
    const { showings } = rowOf(
      gatekeeper(await auditText(recording, ['passthrough', 'strict'])),
      'presence.nick',
    );
    const [received, passthrough, strict] = showings;
    expect(received!.occurrences).toBe(5);
    expect(received!.distinct.value).toBe(3);
    // 2/4·1 + 1/4·2 + 1/4·2 bits, and the most frequent view is that of half the clients.
    expect(received!.figures.sample).toEqual({ shannon: 1.5, min: 1 });
    expect(received!.figures.frequencies).toEqual({
      total: 4,
      distinct: 3,
      classes: [
        [1, 2],
        [2, 1],
      ],
    });
    expect(received!.figures.sets.unique.value).toBe(0.5);
    expect(received!.figures.sets.smallest).toEqual([1, 1, 2]);
    expect(passthrough!.figures).toEqual(received!.figures);
    expect(strict).toMatchObject({ occurrences: 0, treatment: 'drop' });
    expect(strict!.figures.sample).toEqual({ shannon: 0, min: 0 });
    expect(strict!.figures.sets.smallest).toEqual([4]);
  });

  test('clients that never show a field look alike', async () => {
    const { showings } = rowOf(gatekeeper(await auditText(recording, ['balanced'])), 'chat-state');
    // Two of four show it: 1 bit, and no client is alone.
    expect(showings[0]!.occurrences).toBe(3);
    expect(showings[0]!.figures.sample).toEqual({ shannon: 1, min: 1 });
    expect(showings[0]!.figures.sets.smallest).toEqual([2, 2]);
    expect(showings[1]!.figures.sample.shannon).toBe(0);
  });

  test('a message that the policy empties is not sent on', async () => {
    const { withheld, stanzas } = await auditText(recording, ['passthrough', 'balanced']);
    expect(stanzas).toBe(10);
    expect(withheld).toEqual([0, 1]);
  });

  test('all fields together make three clients unique at most, and fewer under strict', async () => {
    const { groups } = gatekeeper(await auditText(recording, ['strict']));
    const [received, strict] = groups.find(({ group }) => group === 'all fields')!.figures;
    expect(received!.sample.shannon).toBe(2);
    expect(strict!.sample.shannon).toBeLessThan(received!.sample.shannon);
  });

  test('the size on the wire is the padded one', async () => {
    const { showings } = rowOf(gatekeeper(await auditText(recording, ['strict'])), 'content.wire-size');
    expect(showings[0]!.distinct.value).toBeGreaterThan(2);
    expect(showings[1]!.distinct.value).toBe(1);
    expect(showings[1]!.figures.sample.shannon).toBe(0);
  });

  test('pseudonyms of a session are compared by how many there are', async () => {
    const resources = [['a'], ['b'], ['c', 'd']].map((ids, client) =>
      clientStream(
        client,
        ...ids.map(
          (id) => `<iq type='get' id='q${id}' to='g.example'><query xmlns='jabber:iq:version'/></iq>`,
        ),
      ),
    );
    const { showings } = rowOf(gatekeeper(await auditText(resources.join(''), ['balanced'])), 'id.iq');
    expect(showings[0]!.figures.sample.shannon).toBeCloseTo(Math.log2(3), 9);
    expect(showings[1]!.treatment).toMatch(/^pseudonymise per/);
    expect(showings[1]!.figures.frequencies.classes).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });
});

describe('populations of known entropy, in real stanzas', () => {
  test.each(['uniform', 'zipf', 'geometric'])(
    '%s: within five percent with thirty clients for each value',
    async (name) => {
      const population = populations[name]!(name === 'geometric' ? 10 : 50);
      const truth = entropyOf(population);
      const random = new Random(5);
      const draw = drawing(population, random);
      const clients = Array.from({ length: 1_500 }, (_, client) =>
        clientStream(client, presenceWithNick(`nick ${draw()}`)),
      );
      const audit = gatekeeper(await auditText(clients.join(''), ['passthrough', 'strict']));
      const [received, passthrough, strict] = rowOf(audit, 'presence.nick').showings;
      expect(audit.clients).toBe(1_500);
      expect(Math.abs(received!.figures.shannon.value - truth) / truth).toBeLessThan(0.05);
      expect(passthrough!.figures.shannon).toEqual(received!.figures.shannon);
      expect(strict!.figures.shannon.value).toBe(0);
    },
  );
});

test('intervals hold in a short run of populations; `npm run long -- audit-populations` has the full one', async () => {
  const { failures, figures } = await longRun.run({ count: 8, seed: 1, progress: () => {} });
  expect(failures).toEqual([]);
  expect(Object.values(figures)[0]).toBe('8 of 8');
});

describe('recordings of a running proxy', () => {
  const first: RecordingRecord = {
    kind: 'recording',
    format: 1,
    version: '0.1.0',
    at: 0,
    durationMsMax: 1,
    bytesMax: 1,
  };
  const session = (number: number, established = true): RecordingRecord => ({
    kind: 'session',
    session: number,
    gatekeeper: 'one',
    listener: 'clients',
    account: `account${number}@token.example`,
    resource: 'token',
    established,
  });
  const stanza = (
    number: number,
    xml: string | undefined,
    direction: 'to-gatekeeper' | 'to-client' = 'to-gatekeeper',
  ): RecordingRecord => ({
    kind: 'stanza',
    session: number,
    direction,
    at: 0,
    received: 500,
    forwarded: 500,
    waited: 0,
    ...(xml !== undefined && { xml }),
  });
  const lines = (...records: readonly RecordingRecord[]): string => records.map(renderRecord).join('');

  test('both directions, by session, with the size on the wire', async () => {
    const text = lines(
      first,
      session(1),
      session(2),
      stanza(1, presenceWithNick('Ann')),
      stanza(2, presenceWithNick('Bob')),
      stanza(1, "<message from='romeo@montague.example' type='chat'><body>a</body></message>", 'to-client'),
      stanza(2, undefined),
      { kind: 'end', at: 0, reason: 'stopped', stanzas: 4 },
    );
    const audit = await auditText(text, ['strict']);
    expect(audit).toMatchObject({ sessions: 2, stanzas: 3, stanzasWithoutXml: 1 });
    expect(audit.audiences.map(({ audience, clients }) => [audience, clients])).toEqual([
      ['gatekeeper', 2],
      ['client', 1],
    ]);
    expect(rowOf(gatekeeper(audit), 'presence.nick').showings[0]!.distinct.value).toBe(2);
    const sizes = rowOf(gatekeeper(audit), 'content.wire-size').showings;
    expect(sizes.map(({ distinct }) => distinct.value)).toEqual([1, 1]);
  });

  test('a stanza that is none is refused with its line', async () => {
    const text = lines(first, session(1), stanza(1, '<presence/>'), stanza(1, '<presence'));
    await expect(auditText(text, ['strict'])).rejects.toMatchObject({
      code: 'ERR_RECORDING_FORMAT',
      line: 4,
    });
    const two = lines(first, session(1), stanza(1, '<presence/><presence/>'));
    await expect(auditText(two, ['strict'])).rejects.toMatchObject({ code: 'ERR_RECORDING_FORMAT', line: 3 });
  });
});

describe('plain streams', () => {
  test('a header after authentication goes on with the same client', async () => {
    const header = (from: string): string =>
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'${from}>`;
    const text = `${header('')}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AA==</auth>\n${header(" from='a@b.example'")}<presence/></stream:stream>`;
    expect(await auditText(text + text, ['strict'])).toMatchObject({ sessions: 2, stanzas: 4 });
  });

  test('what the proxy refuses is refused with its line', async () => {
    const text = `${clientStream(1, '<presence/>')}${clientStream(2, '<presence/>\n<presence>\n</message>')}`;
    await expect(auditText(text, ['strict'])).rejects.toMatchObject({ code: 'ERR_AUDIT_STREAM', line: 4 });
  });

  test('a stream that stops early is refused, one without a closing tag is not', async () => {
    const text = clientStream(1, '<presence/>').replace('</stream:stream>', '');
    expect(await auditText(text, ['strict'])).toMatchObject({ sessions: 1, stanzas: 1 });
    await expect(auditText(`${text}<presence`, ['strict'])).rejects.toMatchObject({
      code: 'ERR_AUDIT_STREAM',
      line: 2,
    });
    await expect(auditText('', ['strict'])).rejects.toMatchObject({ code: 'ERR_RECORDING_FORMAT', line: 1 });
  });
});
