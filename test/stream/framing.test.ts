/** Frames that are made of what was written for a stream (RFC 7395 §3.3.3): only what the root lacks is added. */
import { describe, expect, it } from 'vitest';
import { frameOf, writeCloseFrame, writeErrorFrame, writeOpen } from '../../src/stream/framing.ts';
import { OutputMemory } from '../../src/stream/output-memory.ts';

const memory = new OutputMemory();
const framed = (text: string, before = '', after = ''): string => {
  const bytes = Buffer.from(before + text + after);
  const start = Buffer.byteLength(before);
  return Buffer.from(frameOf(bytes, start, start + Buffer.byteLength(text), memory)).toString();
};
const client = " xmlns='jabber:client'";
const streams = " xmlns:stream='http://etherx.jabber.org/streams'";

describe('a frame', () => {
  it.each([
    ['<message/>', `<message${client}/>`],
    ['<a>x</a>', `<a${client}>x</a>`],
    [
      "<message to='a@b'><body xmlns='urn:x'/></message>",
      `<message${client} to='a@b'><body xmlns='urn:x'/></message>`,
    ],
    ["<message\n\tto='a'/>", `<message${client}\n\tto='a'/>`],
    // A declaration in a value is none.
    [`<message a=" xmlns='x'" b='>'/>`, `<message${client} a=" xmlns='x'" b='>'/>`],
    ["<message xmlns:a='urn:a' a:xmlns='x'/>", `<message${client} xmlns:a='urn:a' a:xmlns='x'/>`],
    ['<stream:features/>', `<stream:features${client}${streams}/>`],
    ["<stream:error xmlns='urn:x'/>", `<stream:error${streams} xmlns='urn:x'/>`],
    [`<stream:error${streams}/>`, `<stream:error${client}${streams}/>`],
    ["<streams:error xmlns:streams='urn:x'/>", `<streams:error${client} xmlns:streams='urn:x'/>`],
    ['<größe/>', `<größe${client}/>`],
  ])('of %s gets what is missing', (text, expected) => {
    expect(framed(text)).toBe(expected);
    expect(framed(text, '<before/>', '<after/>')).toBe(expected);
  });

  it.each([
    "<message xmlns='jabber:client'/>",
    '<message to="a" xmlns = "jabber:client" id=\'1\'/>',
    "<r xmlns='urn:xmpp:sm:3'/>",
    "<a b='1' c='2' xmlns=''/>",
    `<stream:features${streams}${client}/>`,
  ])('of %s is the same bytes, without a copy', (text) => {
    const bytes = Buffer.from(text);
    const frame = frameOf(bytes, 0, bytes.length, memory);
    expect(Buffer.from(frame).toString()).toBe(text);
    expect(frame.buffer).toBe(bytes.buffer);
  });
});

describe("the proxy's own frames", () => {
  it('are open, error and close', () => {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
    expect(text(writeOpen(new Map([['xml:lang', 'en'], ['id', "a'b"], ['other', 'x'], ['from', 'a.example']])))).toBe(
      "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='a.example' id='a&apos;b' version='1.0' xml:lang='en'/>",
    ); // prettier-ignore
    expect(text(writeErrorFrame('reset'))).toBe(
      `<stream:error${client}${streams}><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
    );
    expect(text(writeCloseFrame())).toBe("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  });
});
