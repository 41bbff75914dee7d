/** Describes what ltx makes of streams, read as @xmpp/xml reads them (Parser of @xmpp/xml). */
import Parser from '@xmpp/xml/lib/Parser.js';
import { describeTag, serve } from './frames.mjs';

const xml = 'http://www.w3.org/XML/1998/namespace';

serve((document) => {
  let out = '';
  let failure;
  let ended = false;
  const parser = new Parser();
  parser.on('error', (error) => (failure ??= error));
  parser.on('element', (element) => (out += `${describe(element, scopeOf(parser.root.attrs, { xml }))}\n`));
  parser.on('end', () => (ended = true));
  parser.write(document.toString());
  if (failure !== undefined) throw failure;
  if (!ended) throw new Error('the stream did not end');
  return out;
});

function describe(element, outer) {
  const scope = scopeOf(element.attrs, outer);
  const attributes = [];
  for (const name in element.attrs)
    if (!isDeclaration(name)) attributes.push([...expanded(name, scope, ''), element.attrs[name]]);
  let out = describeTag(...expanded(element.name, scope, scope[''] ?? ''), attributes);
  let text = '';
  for (const child of element.children) {
    if (typeof child === 'string') {
      text += child;
      continue;
    }
    if (text !== '') out += `\u0004${text}`;
    text = '';
    out += describe(child, scope);
  }
  if (text !== '') out += `\u0004${text}`;
  return `${out}\u0005`;
}

function isDeclaration(name) {
  return name === 'xmlns' || name.startsWith('xmlns:');
}

/** Prefixes in force inside an element, '' for the default namespace. */
function scopeOf(attributes, outer) {
  let scope = outer;
  for (const name in attributes) {
    if (!isDeclaration(name)) continue;
    if (scope === outer) scope = { ...outer };
    scope[name === 'xmlns' ? '' : name.slice(6)] = attributes[name];
  }
  return scope;
}

function expanded(name, scope, otherwise) {
  const colon = name.indexOf(':');
  return colon === -1 ? [otherwise, name] : [scope[name.slice(0, colon)] ?? '?', name.slice(colon + 1)];
}
