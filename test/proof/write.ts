/** Writes a tree as its generator wants it spelled: a namespace that an element declares for itself becomes a prefix. */
import {
  clientNamespace,
  escaped,
  isElement,
  quoted,
  xmlNamespace,
  type Element,
} from '../reference/tree.ts';

/** Returns the text of an element in a stream of `jabber:client`. */
export function spell(element: Element, inherited: string = clientNamespace): string {
  const { namespace, name, attributes, declares, content } = element;
  const prefixes = new Map(declares.map((each, index) => [each, `p${index}`]));
  const own = prefixes.get(namespace);
  const qualified = own === undefined ? name : `${own}:${name}`;
  let tag = qualified;
  if (own === undefined && namespace !== inherited) tag += ` xmlns='${quoted(namespace)}'`;
  for (const [each, prefix] of prefixes) tag += ` xmlns:${prefix}='${quoted(each)}'`;
  for (const { namespace: of, name: attribute, value } of attributes) {
    const prefix = of === xmlNamespace ? 'xml:' : of === '' ? '' : `${prefixes.get(of)}:`;
    tag += ` ${prefix}${attribute}='${quoted(value)}'`;
  }
  if (content.length === 0) return `<${tag}/>`;
  const within = own === undefined ? namespace : inherited;
  let inner = '';
  for (const node of content)
    inner += isElement(node)
      ? spell(node, within)
      : node.plain
        ? escaped(node.text)
        : `<![CDATA[${node.text}]]>`;
  return `<${tag}>${inner}</${qualified}>`;
}
