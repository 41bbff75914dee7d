/** Every edit against a tree: the edited bytes, read by another parser, are the tree with that one change. */
import { Element } from '@xmpp/xml';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementFromXml } from '../../src/capabilities/element.ts';
import { createWire } from '../../src/app/tools/wire.ts';
import {
  appendContent,
  prependContent,
  removeAttribute,
  removeElement,
  removeText,
  replaceAttribute,
  replaceContent,
  replaceElement,
  replaceTexts,
  setAttribute,
  setText,
} from '../../src/stanza/edits.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { recordKind, recordSize } from '../../src/stanza/tape.ts';
import type { Edit } from '../../src/stanza/verdict.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';

const names = createVocabulary();
const wire = createWire();
const parse = (text: string): Stanza => wire.parse(text, names);
const after = (stanza: Stanza, ...edits: Edit[]): string => Buffer.from(wire.write(stanza, edits)).toString();

/** Tape indexes of one kind of record, in document order. */
function records(stanza: Stanza, kind: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < stanza.tapeLength; at += recordSize[stanza.tape[at]!]!)
    if (stanza.tape[at] === kind) found.push(at);
  return found;
}

/** Elements in document order. */
function elementsOf(root: Element): Element[] {
  return [root, ...root.children.flatMap((child) => (typeof child === 'string' ? [] : elementsOf(child)))];
}

function tree(xml: string): Element {
  const reading = elementFromXml(xml);
  if (reading.kind !== 'element') throw new Error(`not XML: ${xml}`);
  return reading.element;
}

/** Names, attributes and content; texts side by side are one. */
function shapeOf({ name, attrs, children }: Element): unknown {
  const content: unknown[] = [];
  for (const child of children) {
    const last = content.at(-1);
    if (typeof child !== 'string') content.push(shapeOf(child));
    else if (typeof last === 'string') content[content.length - 1] = last + child;
    else if (child !== '') content.push(child);
  }
  return { name, attrs, content };
}

const space = fc.constantFrom('', ' ', '\n ');
const attribute = fc
  .tuple(
    fc.constantFrom('a', 'id', 'to', 'type'),
    fc.constantFrom("'", '"'),
    fc.constantFrom('', 'v', '&amp;&#10;', 'ü😀'),
  )
  .map(([name, quote, value]) => `${name}=${quote}${value}${quote}`);
const tag = fc.record({
  prefixed: fc.boolean(),
  attributes: fc.uniqueArray(attribute, { maxLength: 3, selector: (text) => text.split('=')[0] }),
  trailing: space,
  empty: fc.boolean(),
});
const { node } = fc.letrec<{ node: string; content: string }>((tie) => ({
  content: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('', 't', '&lt;', '<![CDATA[<]]>', 'x<![CDATA[]]>y'),
    tie('node'),
  ),
  node: fc
    .tuple(tag, fc.array(tie('content'), { maxLength: 3 }))
    .map(([{ prefixed, attributes, trailing, empty }, inside]) => {
      const name = prefixed ? 'p:e' : 'e';
      const start = [name, ...attributes].join(' ');
      return empty
        ? `<${start}${trailing}/>`
        : `<${start}${trailing}>${inside.join('')}</${name}${trailing}>`;
    }),
}));
const document = fc
  .tuple(fc.constantFrom('', " id='1'"), fc.array(node, { maxLength: 3 }), fc.boolean())
  .map(([more, children, empty]) =>
    empty && children.length === 0
      ? `<message xmlns='jabber:client' xmlns:p='urn:p'${more}/>`
      : `<message xmlns='jabber:client' xmlns:p='urn:p'${more}>${children.join('')}</message>`,
  );

/** Holds an edit of one element to the same change of the tree. */
function agrees(
  edit: (stanza: Stanza, index: number) => Edit,
  change: (element: Element, index: number) => void,
  { root = true } = {},
): void {
  fc.assert(
    fc.property(document, fc.nat(), (xml, pick) => {
      const stanza = parse(xml);
      const indexes = records(stanza, recordKind.element);
      const at = pick % indexes.length;
      fc.pre(root || at > 0);
      const expected = tree(xml);
      change(elementsOf(expected)[at]!, at);
      const edited = after(stanza, edit(stanza, indexes[at]!));
      expect(shapeOf(tree(edited))).toEqual(shapeOf(expected));
      parse(edited);
    }),
  );
}

const added = "<n xmlns='urn:n'>t</n>";
const addedElement = (): Element => new Element('n', { xmlns: 'urn:n' }).t('t');

describe('one change and nothing else', () => {
  it('removes an element', () => {
    agrees(
      removeElement,
      (element) => {
        const { parent } = element;
        parent!.children = parent!.children.filter((child) => child !== element);
      },
      { root: false },
    );
  });

  it('replaces an element', () => {
    agrees(
      (stanza, index) => replaceElement(stanza, index, Buffer.from(added)),
      (element) => {
        const siblings = element.parent!.children;
        siblings[siblings.indexOf(element)] = addedElement();
      },
      { root: false },
    );
  });

  it('replaces what is in an element, also of an empty-element tag', () => {
    agrees(
      (stanza, index) => replaceContent(stanza, index, added),
      (element) => {
        element.children = [];
        element.cnode(addedElement());
      },
    );
  });

  it('sets the text of an element', () => {
    agrees(
      (stanza, index) => setText(stanza, index, `<&'"`),
      (element) => {
        element.children = [];
        element.t(`<&'"`);
      },
    );
  });

  it('appends to an element, also to an empty-element tag', () => {
    agrees(
      (stanza, index) => appendContent(stanza, index, added),
      (element) => void element.cnode(addedElement()),
    );
  });

  it('prepends to an element, also to an empty-element tag', () => {
    agrees(
      (stanza, index) => prependContent(stanza, index, added),
      (element) => void element.children.unshift(addedElement()),
    );
  });

  it.each(['a', 'type', 'new'])('sets the attribute %s, whether it is there or not', (name) => {
    fc.assert(
      fc.property(document, fc.nat(), fc.constantFrom('', `v'"<&\t`), (xml, pick, value) => {
        const stanza = parse(xml);
        const indexes = records(stanza, recordKind.element);
        const at = pick % indexes.length;
        const edited = parse(after(stanza, setAttribute(stanza, indexes[at]!, name, value)));
        const element = records(edited, recordKind.element)[at]!;
        expect(edited.attributeValue(element, name)).toBe(value);
        const others = (each: Stanza): string[] =>
          records(each, recordKind.attribute)
            .filter((index) => each.localName(index) !== name)
            .map((index) => `${each.qualifiedName(index)}=${each.value(index)}`);
        expect(others(edited)).toEqual(others(stanza));
      }),
    );
  });

  it('removes and replaces an attribute', () => {
    fc.assert(
      fc.property(document, fc.nat(), (xml, pick) => {
        const stanza = parse(xml);
        const own = records(stanza, recordKind.attribute).filter(
          (index) => !stanza.qualifiedName(index).startsWith('xmlns'),
        );
        fc.pre(own.length > 0);
        const index = own[pick % own.length]!;
        const list = (each: Stanza): string[] =>
          records(each, recordKind.attribute).map((at) => `${each.qualifiedName(at)}=${each.value(at)}`);
        const position = records(stanza, recordKind.attribute).indexOf(index);
        expect(list(parse(after(stanza, removeAttribute(stanza, index))))).toEqual(
          list(stanza).toSpliced(position, 1),
        );
        expect(list(parse(after(stanza, replaceAttribute(stanza, index, `"'<`))))).toEqual(
          list(stanza).toSpliced(position, 1, `${stanza.qualifiedName(index)}="'<`),
        );
      }),
    );
  });

  it('removes and replaces text, with the brackets of a CDATA section', () => {
    fc.assert(
      fc.property(document, fc.nat(), (xml, pick) => {
        const stanza = parse(xml);
        const texts = records(stanza, recordKind.text);
        fc.pre(texts.length > 0);
        const at = pick % texts.length;
        const whole = (each: Stanza): string =>
          records(each, recordKind.text)
            .map((index) => each.textValue(index))
            .join('');
        const before = texts
          .slice(0, at)
          .map((index) => stanza.textValue(index))
          .join('');
        const behind = texts
          .slice(at + 1)
          .map((index) => stanza.textValue(index))
          .join('');
        expect(whole(parse(after(stanza, removeText(stanza, texts[at]!))))).toBe(before + behind);
        expect(whole(parse(after(stanza, replaceTexts(stanza, texts[at]!, texts[at]!, '<]]>'))))).toBe(
          `${before}<]]>${behind}`,
        );
      }),
    );
  });
});

it('attributes of an element are removed and added together with its content', () => {
  const stanza = parse("<iq type='get' id='1'/>");
  const edits = [
    ...[0, 1].map((at) => removeAttribute(stanza, records(stanza, recordKind.attribute)[at]!)),
    setAttribute(stanza, 0, 'to', 'a@b'),
    appendContent(stanza, 0, '<x/>'),
  ];
  expect(after(stanza, ...edits)).toBe("<iq to='a@b'><x/></iq>");
});

it('consecutive texts are replaced together', () => {
  const stanza = parse('<message><body>a<![CDATA[b]]>c</body></message>');
  const texts = records(stanza, recordKind.text);
  expect(after(stanza, replaceTexts(stanza, texts[0]!, texts[1]!, '-'))).toBe(
    '<message><body>-c</body></message>',
  );
});

it('every new value is parsed back as that value', () => {
  const characters = fc.string({
    unit: fc.constantFrom('a', '<', '&', "'", '"', '>', '\t', '\n', '\r', ']', '😀'),
  });
  fc.assert(
    fc.property(characters, (value) => {
      const stanza = parse('<message to="x"><body>y</body></message>');
      const edits = [setAttribute(stanza, 0, 'to', value), setText(stanza, stanza.firstChild(), value)];
      const changed = parse(after(stanza, ...edits));
      expect(changed.text(changed.firstChild())).toBe(value);
      expect(changed.attributeValue(0, 'to')).toBe(value);
    }),
  );
});
