import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareLines,
  formatBeforeAndAfter,
  formatSideBySide,
  formatStanza,
} from '../../src/simulator/transcript.ts';

const key = 'sxsvD0ITkSnhhq+0aZ7kQ2VbM3TzCw8JfLrN1pXyUeGdHoKiSmRtBvWcYzAq5uE=';

describe('a stanza', () => {
  it('is indented, its long base64 cut', () => {
    expect(
      formatStanza(
        `<message to="a@b" xmlns:p='urn:p'><body>hi &lt;</body><p:key>${key}</p:key><x/></message>`,
      ),
    ).toEqual([
      `<message to='a@b' xmlns:p='urn:p'>`,
      `  <body>hi &lt;</body>`,
      `  <p:key>sxsvD0ITkSnhhq+… (64 characters)</p:key>`,
      `  <x/>`,
      `</message>`,
    ]);
  });

  it('has an attribute per line when the line is full', () => {
    expect(formatStanza(`<iq type='get' id='0123456789'/>`, { width: 20 })).toEqual([
      `<iq`,
      `    type='get'`,
      `    id='0123456789'/>`,
    ]);
  });

  it('keeps the order and the prefixes in which it was written', () => {
    expect(formatStanza(`<c:a xmlns:c='u' z='1' b='2'/>`)).toEqual([`<c:a xmlns:c='u' z='1' b='2'/>`]);
  });

  it('cannot steer the terminal', () => {
    const lines = formatStanza(`<a b='\u202Ex'>\u009B31m\u2028</a>`);
    expect(lines).toEqual([`<a b='\\u{202e}x'>\\u{9b}31m\\u{2028}</a>`]);
    expect(formatStanza('not xml \u001B[31m')).toEqual(['not xml \\u{1b}[31m']);
  });
});

describe('before and after', () => {
  const before = `<presence><status>here</status><c ver='1'/></presence>`;
  const after = `<presence><c ver='2'/></presence>`;

  it('mark changed lines', () => {
    expect(formatBeforeAndAfter(before, after)).toEqual([
      `  <presence>`,
      `-   <status>here</status>`,
      `-   <c ver='1'/>`,
      `+   <c ver='2'/>`,
      `  </presence>`,
      `  54 bytes before, 33 after`,
    ]);
  });

  it('state that nothing has changed, or only the form', () => {
    expect(formatBeforeAndAfter('<a b="1"/>', '<a b="1"/>').at(-1)).toBe('  = identical, 10 bytes');
    expect(formatBeforeAndAfter('<a b="1"/>', `<a b='1' />`).at(-1)).toBe(
      '  = same content, written differently',
    );
  });

  it('are printed side by side', () => {
    expect(formatSideBySide(before, after, { width: 63 })).toEqual([
      `<presence>                       <presence>`,
      `  <status>here</status>        ~   <c ver='2'/>`,
      `  <c ver='1'/>                 -`,
      `</presence>                      </presence>`,
    ]);
  });

  it('are in colour only when requested', () => {
    const escape = '\u001B[';
    expect(formatBeforeAndAfter(before, after).join('')).not.toContain(escape);
    expect(formatBeforeAndAfter(before, after, { colour: true }).join('')).toContain(escape);
  });

  it('hold every line of both, in order', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
    fc.assert(
      fc.property(lines, lines, (left, right) => {
        const compared = compareLines(left, right);
        const side = (mark: string) => compared.filter((one) => one.mark !== mark).map(({ text }) => text);
        expect(side('+')).toEqual(left);
        expect(side('-')).toEqual(right);
      }),
    );
  });
});
