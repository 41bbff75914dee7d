/** Describes what libxml2 makes of documents. */
import { describeTag, serve } from './frames.mjs';

// The binding decodes each text by itself, and a decoder takes a first U+FEFF for a byte order mark unless asked otherwise.
globalThis.TextDecoder = class extends TextDecoder {
  constructor(label, options) {
    super(label, { ...options, ignoreBOM: true });
  }
};
const { ParseOption, XmlCData, XmlDocument, XmlElement, XmlText } = await import('libxml2-wasm');

serve((bytes) => {
  const document = XmlDocument.fromBuffer(bytes, { option: ParseOption.XML_PARSE_NO_XXE });
  try {
    let out = '';
    for (let node = document.root.firstChild; node !== null; node = node.next)
      if (node instanceof XmlElement) out += `${describe(node)}\n`;
    return out;
  } finally {
    document.dispose();
  }
});

function describe(element) {
  const attributes = element.attrs.map(({ namespaceUri, name, value }) => [namespaceUri, name, value]);
  let out = describeTag(element.namespaceUri, element.name, attributes);
  let text = '';
  for (let node = element.firstChild; node !== null; node = node.next) {
    if (node instanceof XmlText || node instanceof XmlCData) {
      text += node.content;
      continue;
    }
    if (text !== '') out += `\u0004${text}`;
    text = '';
    out += describe(node);
  }
  if (text !== '') out += `\u0004${text}`;
  return `${out}\u0005`;
}
