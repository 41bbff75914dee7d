/** Canaries cover every field of the catalogue, and keep the form of what they replace. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { readClientHello } from '../../src/app/tools/client-hello.ts';
import { canariesOf } from '../../src/canaries/canary.ts';
import { values } from '../../src/canaries/values.ts';
import { loadCatalogue } from '../../src/policy/catalogue.ts';
import { ja4 } from '../../src/signals/ja4.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { catalogue } from '../policy/fixtures.ts';

const { sent, unsent } = canariesOf(catalogue);

/** Fields that nothing but a time, a size or a fingerprint of the system shows. */
const withoutValue = [
  'answer.acknowledgement',
  'answer.disco-info',
  'answer.disco-items',
  'answer.jingle',
  'answer.ping',
  'conn.client-port',
  'conn.keep-alive',
  'conn.reconnects',
  'conn.round-trip',
  'conn.session-ticket',
  'conn.tcp-fingerprint',
  'conn.traffic-shape',
  'content.wire-size',
];

describe('canaries', () => {
  it('are there for every field and direction', () => {
    const all = [...catalogue.fields.values()];
    const fields = all.filter(({ name, protocol }) => protocol === 'xmpp' && !withoutValue.includes(name));
    const chat = all.filter(({ protocol }) => protocol !== 'xmpp').map(({ name }) => name);
    const expected = fields.flatMap(({ name, directions }) =>
      directions.map((direction) => `${name} ${direction}`),
    );
    expect(sent.map(({ field, direction }) => `${field.name} ${direction}`)).toEqual(expected);
    expect(unsent.map(({ field }) => field).toSorted()).toEqual([...withoutValue, ...chat].toSorted());
  });

  it('are named in no line for a field that does not exist', () => {
    expect(Object.keys(values).filter((name) => !catalogue.fields.has(name))).toEqual([]);
  });

  it('are in what is sent, and are all different', () => {
    for (const { field, text, marker } of sent) {
      expect(text).toContain(marker.value);
      // A fingerprint is computed from what is sent.
      if (field.name !== 'conn.tls-fingerprint') expect(marker.value).toContain(marker.needle);
      expect(marker.needle.length).toBeGreaterThan(9);
    }
    expect(new Set(sent.map(({ marker }) => marker.needle)).size).toBe(sent.length);
  });

  it('leave elements well-formed, and change them', () => {
    for (const { field, text } of sent) {
      if (field.where !== 'stanza') continue;
      expect(parseElement(text)?.local).toBeTruthy();
      expect(text).not.toMatch(/[{}]/);
      expect(text).not.toBe(field.example);
    }
  });

  it('have cipher suites whose fingerprint is that of the ClientHello', async () => {
    const { text, marker } = sent.find(({ field }) => field.name === 'conn.tls-fingerprint')!;
    const { promise: hello, resolve } = Promise.withResolvers<Buffer>();
    const server = createServer((socket) => socket.once('data', resolve)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ host: '127.0.0.1', port, ciphers: text });
    client.on('error', () => {});
    const progress = readClientHello(await hello);
    client.destroy();
    server.close();
    expect(progress.kind).toBe('hello');
    expect(progress.kind === 'hello' && ja4(progress.hello).ja4.split('_')[1]).toBe(marker.needle);
  });

  it('say what an entry of an own catalogue lacks', () => {
    const file = `
apiVersion: narthex/v1
kind: MetadataCatalogue
metadata: { name: own }
fields:
  own.field:
    title: Own
    source: none
    where: connection
    direction: to-gatekeeper
    category: device
    reveals: something
    breaks: nothing
    value: text
    permits: [keep]
    example: 'no mark'
`;
    const own = loadCatalogue([{ file: 'own.yaml', text: file }]);
    expect(own.diagnostics).toEqual([]);
    expect(canariesOf(own.catalogue)).toEqual({
      sent: [],
      unsent: [
        { field: 'own.field', reason: 'its example does not say where the value is: write `marker` there' },
      ],
    });
  });
});
