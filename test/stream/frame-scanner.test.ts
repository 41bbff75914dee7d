/** Messages of a framed stream are read as strictly as stanzas of a stream: of each hostile case, the same verdict. */
import { describe, expect, it } from 'vitest';
import { StreamError } from '../../src/stanza/error.ts';
import { FrameScanner } from '../../src/stream/frame-scanner.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { newWorkspace, scan, structures, vocabulary } from '../support/scan.ts';
import { headers, toBytes } from './hostile/case.ts';
import { hostileCases } from './hostile/cases.ts';

const opening = Buffer.from(
  "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>",
);

/** Returns the condition with which a message is refused, and what of it was delivered. */
function read(message: Uint8Array, workspace = newWorkspace()) {
  const delivered: string[] = [];
  const scanner = new FrameScanner({
    names: vocabulary,
    limits: defaultLimits,
    workspace,
    sink: {
      header: () => {},
      stanza: (stanza) => delivered.push(Buffer.from(stanza.wire()).toString('latin1')),
      end: () => {},
    },
  });
  scanner.push(opening);
  try {
    scanner.push(message);
    return { condition: undefined, delivered };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    return { condition: error.condition, delivered };
  }
}

/** Cases in which a stream differs: they use the prefix that its header declares, or end the message or the stream, after
 *  which a message of a WebSocket has nothing. */
const ofTheHeader = /stream:|<\/s|<\/message/;

describe.each(structures)('hostile cases in messages, %s structure', (_, create) => {
  const workspace = newWorkspace(create());
  const cases = hostileCases.filter(([, where, text]) => where === 'stanza' && !ofTheHeader.test(text));

  it.each(cases.map((each) => [each[0], each] as const))('%s', (_name, [, , text]) => {
    const inside = toBytes(text);
    const wrapped = (head: string): Buffer =>
      Buffer.concat([Buffer.from(head), inside, Buffer.from('</message>')]);
    const message = wrapped("<message xmlns='jabber:client'>");
    const stream = scan([Buffer.concat([Buffer.from(headers['to-gatekeeper']), wrapped('<message>')])], {
      workspace,
    });
    const { condition, delivered } = read(message, workspace);
    expect(condition).toBe(stream.condition);
    if (condition !== undefined) expect(delivered).toEqual([]);
  });
});
