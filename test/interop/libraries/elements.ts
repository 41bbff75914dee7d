/** What one connection has sent to a gatekeeper, taken apart: stream headers, and what is at the top level of a stream. */
import type { Stanza } from '../../../src/stanza/stanza.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';
import { Scanner } from '../../../src/stream/scanner.ts';
import { newWorkspace, vocabulary } from '../../support/scan.ts';

export interface SentElement {
  /** `header`, or the names by which elements are compared with those of another library. */
  readonly kind: string;
  /** With everything that stands in it. */
  readonly text: string;
  /** White space after it. */
  readonly padding: number;
}

/** Padding is no limit here. */
const limits = { ...defaultLimits, whitespaceBytesMax: 0x4000_0000 };

/** @param sent everything of one connection, which has two streams where the authentication restarts it
 *  @throws StreamError for what the proxy itself would refuse */
export function elementsOf(sent: string): SentElement[] {
  const streams = sent.split(/(?=<\?xml )/);
  return streams.flatMap((stream) => {
    const header = /^<\?xml [^>]*\?><[^>]*>/.exec(stream)?.[0] ?? '';
    return [{ kind: 'header', text: header, padding: 0 }, ...elementsOfStream(stream)];
  });
}

function elementsOfStream(stream: string): SentElement[] {
  const elements: SentElement[] = [];
  const scanner = new Scanner({
    names: vocabulary,
    limits,
    workspace: newWorkspace(undefined, limits),
    sink: {
      header: () => {},
      stanza: (stanza) =>
        elements.push({ kind: kindOf(stanza), text: Buffer.from(stanza.wire()).toString(), padding: 0 }),
      whitespace: (length) => {
        const last = elements.pop();
        if (last !== undefined) elements.push({ ...last, padding: last.padding + length });
      },
      end: () => {},
    },
  });
  scanner.push(Buffer.from(stream));
  return elements;
}

function kindOf(stanza: Stanza): string {
  const name = (at: number): string => `${stanza.localName(at)} ${stanza.namespaceName(at)}`;
  if (stanza.kind === 'nonza') return name(0);
  const type = stanza.attributeValue(0, 'type');
  const first = stanza.firstChild(0);
  const kind = type === undefined ? stanza.kind : `${stanza.kind} ${type}`;
  return stanza.kind === 'iq' && first !== -1 ? `${kind}: ${name(first)}` : kind;
}
