/** Canaries cover every field of the catalogue, and keep the form of what they replace. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { readClientHello } from '../../src/app/tools/client-hello.ts';
import { canariesOf } from '../../src/canaries/canary.ts';
import { chatValues } from '../../src/canaries/chat-values.ts';
import { makeMarker } from '../../src/canaries/marker.ts';
import { formsOf } from '../../src/canaries/forms.ts';
import { values } from '../../src/canaries/values.ts';
import { coarsenTo } from '../../src/minimisation/coarsen.ts';
import { everyForm, loadCatalogue, type Field } from '../../src/policy/catalogue.ts';
import { ja4 } from '../../src/signals/ja4.ts';
import { nodeOf, nodeXml } from '../../src/simulator/chat/xml.ts';
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
  it('are there for every field, protocol and direction', () => {
    const isUnsent = ({ name, protocol }: Field): boolean =>
      protocol === 'xmpp' ? withoutValue.includes(name) : name === 'answer.ping';
    const all = everyForm(catalogue);
    const expected = all
      .filter((form) => !isUnsent(form))
      .flatMap((form) => form.directions.map((direction) => `${form.protocol} ${form.name} ${direction}`));
    const made = sent.map(({ field, direction }) => `${field.protocol} ${field.name} ${direction}`);
    expect(made).toEqual(expected);
    expect(unsent.map(({ field, protocol }) => `${protocol} ${field}`)).toEqual(
      all.filter(isUnsent).map(({ name, protocol }) => `${protocol} ${name}`),
    );
    const chat = new Set(
      sent.filter(({ field }) => field.protocol === 'chat-channel').map(({ field }) => field),
    );
    expect(chat.size).toBe(all.filter(({ protocol }) => protocol === 'chat-channel').length - 1);
  });

  it('are named in no line for a field that does not exist', () => {
    const of = (wanted: string): Set<string> =>
      new Set(
        everyForm(catalogue)
          .filter(({ protocol }) => protocol === wanted)
          .map(({ name }) => name),
      );
    const [xmpp, chat] = [of('xmpp'), of('chat-channel')];
    expect(Object.keys(values).filter((name) => !xmpp.has(name))).toEqual([]);
    expect(Object.keys(chatValues).filter((name) => !chat.has(name))).toEqual([]);
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

  it('that are numbers are other numbers once coarsened', () => {
    const grains = [2, 3, 5, 7, 60, 1_024, 3_600, 86_400];
    const kept = Array.from({ length: 600 }, () => makeMarker('count', randomBytes).value).flatMap((value) =>
      grains.filter(
        (grain) =>
          coarsenTo({ unit: 'time', grainMs: grain * 1_000 })(value) === value ||
          coarsenTo({ unit: 'bytes', grainBytes: grain })(value) === value,
      ),
    );
    expect(kept).toEqual([]);
  });

  it('leave elements well-formed, and change them', () => {
    for (const { field, text } of sent) {
      if (field.where !== 'stanza') continue;
      expect(parseElement(text)?.local).toBeTruthy();
      expect(text).not.toMatch(/[{}]/);
      expect(text).not.toBe(field.example);
    }
  });

  it('are nodes of the chat channel whose content is their bytes', () => {
    const nodes = sent.filter(({ field }) => field.protocol === 'chat-channel');
    for (const { text, marker } of nodes) {
      const xml = nodeXml(nodeOf(parseElement(text)!));
      expect(xml).toContain(marker.value);
      // An attribute is text, and what stands between tags is base64.
      expect(xml.includes(`>${marker.value}<`)).toBe(marker.decoded !== undefined);
    }
    expect(nodes.filter(({ marker }) => marker.decoded !== undefined).length).toBeGreaterThan(15);
  });

  it('are searched for as base64 and as its bytes', () => {
    const marker = makeMarker('bytes', (length) => Buffer.alloc(length, 7));
    const bytes = Buffer.from(marker.value, 'base64');
    const found = (place: Buffer): boolean =>
      formsOf(marker).some(({ bytes: form }) => place.includes(Buffer.from(form)));
    for (const place of [bytes, Buffer.from(marker.value), Buffer.from(`x${bytes.toString('hex')}`)])
      expect(found(place)).toBe(true);
    expect(found(Buffer.from(Buffer.from(`ab${marker.value}`).toString('base64')))).toBe(true);
    expect(found(Buffer.from('something else'))).toBe(false);
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
        {
          field: 'own.field',
          protocol: 'xmpp',
          reason: 'its example does not say where the value is: write `marker` there',
        },
      ],
    });
  });
});
