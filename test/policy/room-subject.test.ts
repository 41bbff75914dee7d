/** In a room, a subject without body and thread changes the room's subject (XEP-0045 §8.1). A policy that takes body or
 *  thread away must not make one of a message that was none. */
import { describe, expect, it } from 'vitest';
import { openPolicy } from '../../src/app/files/policies.ts';
import { deciderFor, pass, policyOf, policyText } from './fixtures.ts';

const room = (content: string, type = 'groupchat'): string =>
  `<message type='${type}' to='room@muc.example'>${content}</message>`;
const strict = openPolicy('strict');
const url = "<x xmlns='jabber:x:oob'><url>https://a.example/f</url></x>";

describe.each(['to-gatekeeper', 'to-client'] as const)('%s', (direction) => {
  const policy = policyOf(
    policyText(
      '{ gatekeeper: { id.thread: drop, content.encryption-name: drop }, client: { id.thread: drop } }',
    ),
  );
  const after = (text: string): string => pass(deciderFor(policy, direction), text).after;

  it.each([
    ['nothing else', '', ''],
    ['something else', url, room(url)],
    ['another thread in it', '<thread>u</thread>', ''],
  ])('the subject goes with the thread: %s', (_, more, expected) => {
    for (const subject of [
      '<subject/>',
      '<subject>s</subject>',
      "<subject xml:lang='en'>s</subject><subject>t</subject>",
    ]) {
      expect(after(room(`${subject}<thread>t</thread>${more}`))).toBe(expected);
      expect(after(room(`${more}<thread>t</thread>${subject}`))).toBe(expected);
    }
  });

  it('stays where the message has a body, and so changes no subject', () => {
    expect(after(room('<subject>s</subject><thread>t</thread><body>b</body>'))).toBe(
      room('<subject>s</subject><body>b</body>'),
    );
    expect(after(room('<body/><thread>t</thread><subject/>'))).toBe(room('<body/><subject/>'));
  });

  it('stays where it is a change, and outside of rooms', () => {
    expect(after(room('<subject>s</subject>'))).toBe(room('<subject>s</subject>'));
    expect(after(room('<subject>s</subject><thread>t</thread>', 'chat'))).toBe(
      room('<subject>s</subject>', 'chat'),
    );
  });

  it('in a copy of a message, too', () => {
    const copy = (inner: string): string =>
      `<message><body>c</body><forwarded xmlns='urn:xmpp:forward:0'>${inner}</forwarded></message>`;
    const inside = (content: string): string =>
      `<message xmlns='jabber:client' type='groupchat'>${content}</message>`;
    expect(after(copy(inside(`<subject>s</subject><thread>t</thread>${url}`)))).toBe(copy(inside(url)));
    expect(after(copy(inside('<subject/><thread>t</thread>')))).toBe('<message><body>c</body></message>');
  });

  it('with changes inside the subject', () => {
    expect(after(room("<subject>s<y xmlns='urn:example:unknown'/></subject><thread>t</thread>"))).toBe('');
  });
});

it('strict withholds it', () => {
  const text = room(`<subject/><thread>t</thread>${url}`);
  const decider = deciderFor(strict, 'to-gatekeeper');
  expect(pass(decider, text).after).toBe(room(url));
});
