import { everyForm } from '../../src/policy/catalogue.ts';
import { describe, expect, test } from 'vitest';
import { FieldValues } from '../../src/audit/field-values.ts';
import { identifierForm, timeForm } from '../../src/audit/value-form.ts';
import { openCatalogue } from '../../src/app/files/policies.ts';
import { StanzaScanner } from '../../src/app/tools/stanza-scanner.ts';
import { vocabularyOf } from '../../src/policy/compile.ts';
import type { Direction } from '../../src/stanza/direction.ts';

const catalogue = openCatalogue();
const names = vocabularyOf(catalogue);
const scanner = new StanzaScanner(names);

/** Returns the values of a stanza by field. */
function valuesOf(
  xml: string,
  { direction = 'to-gatekeeper', account = '' }: { direction?: Direction; account?: string } = {},
): Record<string, string[]> {
  const reader = new FieldValues(catalogue, names, direction);
  const found: Record<string, string[]> = {};
  const wire = Buffer.from(xml);
  scanner.read(wire, (stanza) =>
    reader.read({ stanza, wire, size: wire.length }, account, (field, value) =>
      (found[reader.fields[field]!] ??= []).push(value),
    ),
  );
  return found;
}

describe('values of fields', () => {
  test('attributes, texts and elements', () => {
    const values = valuesOf(
      "<message to='romeo@montague.example/garden' type='chat' id='m1' xml:lang='en'><body>hi</body>" +
        "<thread>t1</thread><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
    );
    expect(values).toMatchObject({
      'jid.bare': ['romeo@montague.example'],
      'id.message': ['m1'],
      'xml.lang': ['en'],
      'content.wire-size': ['177'],
    });
    expect(values['chat-state']).toHaveLength(1);
    expect(values['content.body']).toHaveLength(1);
    expect(values['id.thread']).toHaveLength(1);
    expect(values['unlisted']).toBeUndefined();
  });

  test('the resource belongs to the account or to the contact', () => {
    const xml =
      "<message to='romeo@montague.example/garden' from='juliet@capulet.example/phone' type='chat'/>";
    const values = valuesOf(xml, { account: 'juliet@capulet.example' });
    expect(values['jid.device']).toEqual(['garden']);
  });

  test('elements are compared by what they are, not by how they are written', () => {
    const [one, other] = [
      "<message><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
      '<message><c:active xmlns:c="http://jabber.org/protocol/chatstates"></c:active></message>',
    ].map((xml) => valuesOf(xml));
    expect(one!['chat-state']).toEqual(other!['chat-state']);
    expect(one!['style.fingerprint']).not.toEqual(other!['style.fingerprint']);
  });

  test('the style is in the tags, whatever the text says', () => {
    const style = (body: string): unknown =>
      valuesOf(`<message to='a@b.example'><body>${body}</body></message>`)['style.fingerprint'];
    expect(style('a="b" > c')).toEqual(style('nothing'));
    expect(style('a &quot; b')).not.toEqual(style('nothing'));
  });

  test('the order of attributes is a habit, which ones there are is none', () => {
    const style = (tag: string): unknown =>
      valuesOf(`<message ${tag}><body>a</body></message>`)['style.fingerprint'];
    expect(style("id='a' to='b@c'")).toEqual(style("from='d@e' id='a' to='b@c' type='chat'"));
    expect(style("to='b@c' id='a'")).toEqual(['single quotes', 'to before id']);
  });

  test('elements that the catalogue does not know are named, their content is not', () => {
    const values = valuesOf(
      "<message><x xmlns='urn:example:unknown'><y>secret</y></x><body>hi</body></message>",
    );
    expect(values['unlisted']).toEqual(['{urn:example:unknown}x', '{urn:example:unknown}y']);
  });

  test('every example of the catalogue has a value of its field', () => {
    for (const field of everyForm(catalogue)) {
      if (field.where !== 'stanza' || field.selectors.length === 0) continue;
      const direction = field.directions[0]!;
      const values = valuesOf(field.example, { direction, account: 'x@y.example' });
      const own = valuesOf(field.example, { direction });
      expect(values[field.name] ?? own[field.name], field.name).toBeDefined();
    }
  });
});

describe('forms', () => {
  test.each([
    ['3EB0C0FFEE', '<10> short'],
    ['17', 'number'],
    ['9f2c1b7e-0d3a-4c55-8a10-6f1de2b3c4d5', 'uuid'],
    ['9F2C1B7E-0D3A-4C55-8A10-6F1DE2B3C4D5', 'upper uuid'],
    ['purple9f2c1b7e', '<14> short'],
    ['0123456789abcdef0123', '<20> lower hex'],
    ['aB3_x-9Qz0aB3xx9Qz01', '<20> mixed'],
    ['ab12-cd34-ef56-ab78', '<4>-<4>-<4>-<4> lower hex'],
  ])('%s is %s', (value, form) => expect(identifierForm(value)).toBe(form));

  test('the form of a time is its precision and zone', () => {
    expect(timeForm('2026-01-02T03:04:05Z')).toBe(timeForm('1999-12-31T23:59:59Z'));
    expect(timeForm('2026-01-02T03:04:05.123Z')).not.toBe(timeForm('2026-01-02T03:04:05Z'));
    expect(timeForm('2026-01-02T03:04:05+01:00')).not.toBe(timeForm('2026-01-02T03:04:05Z'));
  });
});
