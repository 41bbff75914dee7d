import type { Names } from '../../src/stanza/names.ts';
import { Stanza } from '../../src/stanza/stanza.ts';
import * as record from '../../src/stanza/tape.ts';
import { recordKind, recordSize } from '../../src/stanza/tape.ts';

interface Open {
  readonly at: number;
  readonly scope: ReadonlyMap<string, number>;
}

/** Lays one well-formed stanza on a tape, by a regular expression over text that the test itself wrote (ASCII names,
 *  no CDATA). An oracle for the layout in stanza/tape.ts, not a parser. */
export function stanzaOf(xml: string, names: Names): Stanza {
  const tape: number[] = [];
  const open: Open[] = [];
  const byte = (index: number) => Buffer.byteLength(xml.slice(0, index));
  let scope: ReadonlyMap<string, number> = new Map([['', names.namespace('jabber:client')]]);
  for (const match of xml.matchAll(/<\/([^>]+)>|<([^\s/>]+)((?:[^>'"]|'[^']*'|"[^"]*")*?)(\/?)>|[^<]+/g)) {
    const [whole, closing, opening, attributes = '', empty] = match;
    const start = byte(match.index);
    const end = byte(match.index + whole.length);
    if (opening !== undefined) {
      const at = tape.length;
      const parent = open.at(-1)?.at ?? -1;
      const { local, localStart } = split(opening, start + 1);
      tape.push(recordKind.element, start, end, start + 1 + opening.length, localStart, names.local(local));
      tape.push(0, 0, parent, 0, open.length + 1, empty === '/' ? 1 : 0);
      scope = addAttributes(tape, attributes, start + 1 + opening.length, scope, names);
      tape[at + record.element.namespace] = scope.get(prefixOf(opening)) ?? 0;
      tape[at + record.element.attributes] =
        (tape.length - at - recordSize[recordKind.element]!) / recordSize[recordKind.attribute]!;
      if (empty === '/') close(tape, at, end, end);
      else open.push({ at, scope });
      if (empty === '/') scope = open.at(-1)?.scope ?? scope;
    } else if (closing === undefined) {
      tape.push(recordKind.text, start, end, whole.includes('&') ? record.needsDecoding : 0);
    } else {
      close(tape, open.pop()!.at, start, end);
      scope = open.at(-1)?.scope ?? scope;
    }
  }
  const stanza = new Stanza(names, {
    contentNamespace: 'jabber:client',
    declarations: new Map([['', 'jabber:client']]),
    unknownNamespaces: [],
    lang: '',
  });
  stanza.bytes = Buffer.from(xml);
  stanza.end = stanza.bytes.length;
  stanza.tape = Int32Array.from(tape);
  stanza.tapeLength = tape.length;
  return stanza;
}

function close(tape: number[], at: number, start: number, end: number): void {
  tape[at + record.element.end] = tape.length;
  tape.push(recordKind.end, start, end, at);
}

function addAttributes(
  tape: number[],
  text: string,
  offset: number,
  outer: ReadonlyMap<string, number>,
  names: Names,
): ReadonlyMap<string, number> {
  const scope = new Map(outer);
  for (const match of text.matchAll(/([^\s=]+)=(?:'([^']*)'|"([^"]*)")/g)) {
    const [, name = '', single, double] = match;
    const value = single ?? double ?? '';
    const nameStart = offset + match.index;
    const declares = name === 'xmlns' || name.startsWith('xmlns:');
    const { local, localStart } = split(name, nameStart);
    if (declares) scope.set(name === 'xmlns' ? '' : local, names.namespace(value) || -tape.length);
    const valueStart = nameStart + name.length + 2;
    const decoding = value.includes('&') ? record.needsDecoding : 0;
    const namespace = declares ? record.namespaceDeclaration : 0;
    tape.push(recordKind.attribute, nameStart, nameStart + name.length, localStart);
    tape.push(
      declares ? 0 : names.local(local),
      namespace,
      valueStart,
      (valueStart + value.length) | decoding,
    );
  }
  return scope;
}

function prefixOf(name: string): string {
  return name.includes(':') ? name.split(':')[0]! : '';
}

function split(name: string, start: number): { local: string; localStart: number } {
  const colon = name.indexOf(':');
  return { local: name.slice(colon + 1), localStart: start + colon + 1 };
}

/** Carries edits out, as the relay does. */
export function applied(
  xml: string,
  edits: readonly { start: number; end: number; replacement: Uint8Array }[],
): string {
  let bytes = Buffer.from(xml);
  for (const { start, end, replacement } of edits.toSorted((a, b) => b.start - a.start || b.end - a.end))
    bytes = Buffer.concat([bytes.subarray(0, start), replacement, bytes.subarray(end)]);
  return bytes.toString('utf8');
}
