/** Builds element trees where a tree is the natural form (disco#info, data forms): from a stanza that the scanner
 *  has checked, or from XML in a file. Only this file uses @xmpp/xml's class and saxes at run time; @xmpp/xml's own
 *  parser is not used. */
import { Element } from '@xmpp/xml';
import { SaxesParser } from 'saxes';
import type { Stanza } from '../stanza/stanza.ts';

/** Returns the element at a tape index with its descendants. Namespaces are resolved: the tree has no prefix but
 *  `xml`. The `xml:lang` in force is set on the root, because the tree has no parents to inherit from. */
export function elementFromStanza(stanza: Stanza, index = 0): Element {
  const element = bareElement(stanza, index);
  element.attrs['xml:lang'] ??= languageAt(stanza, index);
  addContent(stanza, index, element);
  return element;
}

/** Adds the content of an element. Iterates, so that the stack does not depend on the depth. */
function addContent(stanza: Stanza, index: number, root: Element): void {
  const open = [root];
  const stop = stanza.endOf(index);
  for (let at = stanza.contentOf(index); at < stop; at = stanza.next(at)) {
    const parent = open.at(-1)!;
    if (stanza.isElement(at)) open.push(parent.cnode(bareElement(stanza, at)));
    else if (stanza.isText(at)) parent.t(stanza.textValue(at));
    else if (stanza.isEnd(at)) open.pop();
  }
}

function bareElement(stanza: Stanza, index: number): Element {
  const element = new Element(stanza.localName(index), { xmlns: stanza.namespaceName(index) });
  for (const at of stanza.attributes(index)) {
    const name = stanza.qualifiedName(at);
    if (stanza.attributeNamespaceOf(at) === 0 || name === 'xml:lang') element.attrs[name] = stanza.value(at);
  }
  return element;
}

function languageAt(stanza: Stanza, index: number): string {
  for (let at = index; at !== -1; at = stanza.parentOf(at))
    for (const attribute of stanza.attributes(at))
      if (stanza.qualifiedName(attribute) === 'xml:lang') return stanza.value(attribute);
  return stanza.scope.lang;
}

/** The result of reading XML from a file or a line. The XML library's message is left out: it quotes input. */
export type XmlReading =
  | { readonly kind: 'element'; readonly element: Element }
  | { readonly kind: 'not-xml'; readonly code: 'ERR_XML_NOT_WELL_FORMED' | 'ERR_XML_RESTRICTED' };

/** Parses one XML document with its namespaces. Comments, processing instructions and a DOCTYPE are refused, as on a
 *  stream (RFC 6120 §11.1); an XML declaration is accepted. */
export function elementFromXml(xml: string): XmlReading {
  const parser = new SaxesParser({ xmlns: true });
  let failure: 'ERR_XML_NOT_WELL_FORMED' | 'ERR_XML_RESTRICTED' | undefined;
  let root: Element | undefined;
  const open: Element[] = [];
  const restricted = (): void => {
    failure ??= 'ERR_XML_RESTRICTED';
  };
  parser.on('error', () => {
    failure ??= 'ERR_XML_NOT_WELL_FORMED';
  });
  parser.on('doctype', restricted);
  parser.on('comment', restricted);
  parser.on('processinginstruction', restricted);
  parser.on('opentag', ({ local, uri, attributes }) => {
    const element = new Element(local, { xmlns: uri });
    for (const attribute of Object.values(attributes)) {
      if (attribute.uri === '' || attribute.name === 'xml:lang')
        element.attrs[attribute.name] = attribute.value;
    }
    open.at(-1)?.cnode(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.on('text', (text) => open.at(-1)?.t(text));
  parser.on('cdata', (text) => open.at(-1)?.t(text));
  parser.write(xml).close();
  if (failure !== undefined || root === undefined)
    return { kind: 'not-xml', code: failure ?? 'ERR_XML_NOT_WELL_FORMED' };
  return { kind: 'element', element: root };
}
