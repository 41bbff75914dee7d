/** The XML of scripts: stanzas as inside of a client's stream, with the prefix `scansion` declared. */
import { StreamReader } from '../../src/simulator/xml/reader.ts';
import type { Attribute, Element } from '../../src/simulator/xml/element.ts';
import { ns } from '../../src/stanza/namespaces.ts';

const scansion = 'https://matthewwild.co.uk/scansion';
const header = `<stream:stream xmlns='${ns.client}' xmlns:stream='${ns.streams}' xmlns:scansion='${scansion}'>`;

/** Returns the stanzas of a text, in order.
 *  @throws SyntaxError where it is not whole stanzas */
export function readStanzas(xml: string): Element[] {
  const reader = new StreamReader();
  reader.read(Buffer.from(header));
  const stanzas: Element[] = [];
  let rest = Buffer.from(xml);
  while (rest.length > 0) {
    const { event, consumed } = reader.read(rest);
    rest = rest.subarray(consumed);
    if (event.kind === 'element') stanzas.push(event.element);
    else if (event.kind !== 'incomplete') throw new SyntaxError(`not stanzas: ${xml}`);
    else if (rest.length > 0 || !endsBetween(reader)) throw new SyntaxError(`not whole stanzas: ${xml}`);
  }
  return stanzas;
}

/** Returns whether the reader has read whole stanzas only: then it takes the end of the stream. */
function endsBetween(reader: StreamReader): boolean {
  return reader.read(Buffer.from('</stream:stream>')).event.kind === 'end';
}

/** How exactly an expected element describes what is received. `none`: it may have more. `payload`: no more attributes and
 *  children. `said`: nor text. */
export type Strictness = 'none' | 'payload' | 'said';

/** Returns what `scansion:strict` says. Without it, what is of the stanza itself may have more, and payloads may not. */
export function strictnessOf({ attributes, namespace }: Element): Strictness {
  const said = attributes.find((each) => each.namespace === scansion && each.local === 'strict')?.value;
  if (said === undefined) return namespace === ns.client ? 'none' : 'payload';
  return said === 'true' || said === 'yes' ? 'said' : 'none';
}

/** Returns the attributes without namespace declarations and without what is for the runner. */
export function ownAttributes({ attributes }: Element): Attribute[] {
  return attributes.filter(({ name, namespace }) => namespace !== scansion && !/^xmlns(:|$)/.test(name));
}
