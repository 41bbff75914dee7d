import type { Random } from '../support/random.ts';

/** A stream header and the prefixes that elements and attributes may use after it. */
export interface GeneratedHeader {
  readonly text: string;
  readonly closing: string;
  readonly prefixes: readonly string[];
}

/** What streams are made of. */
export interface Dialect {
  readonly headers: readonly GeneratedHeader[];
  /** Names of top-level elements, of those inside, and of attributes. */
  readonly top: readonly string[];
  readonly locals: readonly string[];
  readonly attributes: readonly string[];
  /** Prefixes that an element may declare. */
  readonly declarable: readonly string[];
  /** Namespace names as written between quotation marks. */
  readonly namespaces: readonly string[];
}

const header: GeneratedHeader = {
  text: "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:h='urn:header' to='example.org' version='1.0'>",
  closing: '</stream:stream>',
  prefixes: ['h', 'xml'],
};

const locals = [
  'message',
  'iq',
  'presence',
  'a',
  'b',
  'query',
  'body',
  'x',
  'größe',
  'A',
  '_',
  'n-1.2',
  'xmlnsx',
];
const namespaces = [
  'urn:a', 'urn:a', 'urn:b', 'urn:c', 'urn:c', 'urn:d', 'urn:e', 'urn:f', 'urn:b', 'jabber:client', 'urn:xmpp:ping', 'urn:header', 'http://etherx.jabber.org/streams',
  'urn&#58;a', 'urn:&#x61;', 'u&amp;v', 'x', 'é',
]; // prettier-ignore

/** Little of it is XMPP: every shape of XML. */
const plainXml: Dialect = {
  headers: [header],
  top: locals,
  locals,
  attributes: locals,
  declarable: ['p', 'q', 'r', 'h', 'stream'],
  namespaces,
};

const texts = [
  'x', 'hello', ' ', '\n', '\r\n', '\r', '\t', '&lt;', '&gt;', '&amp;', '&apos;', '&quot;', '&#65;', '&#x1F600;', '&#9;',
  '&#13;', '>', ']]', ']', '"', "'", '=', '/', 'é', '€', '🦄', '\u007f', '\u0085', '\u2028', '\ufffd', '\ufeff',
]; // prettier-ignore
const sections = ['', 'x', '<a>', ']]', ']>', '&bogus;', '<!--', '\r\n', '>', 'é'];

/** Pieces that break, or nearly break, what they are put into. */
const hostile = [
  '<', '>', '&', '"', "'", '/', '=', ':', ' ', ']]>', '<!', '<!--', '-->', '<?', '?>', '<?xml', "<?xml version='1.0'?>", '<![CDATA[', '<!DOCTYPE a>',
  '</', '</a>', '<a>', '<a/>', '/>', '</stream:stream>', '&#0;', '&#xD800;', '&#x110000;', '&#xFFFE;', '&#1;', '&#', ';', '&bogus;', '&lt', '&#65', '&amp',
  " xmlns=''", " xmlns:p='urn:a'", " xmlns:q='urn&#58;a'", " xmlns:xml='urn:a'", " xmlns:p=''", " xmlns='http://www.w3.org/2000/xmlns/'",
  " p:a='1'", " q:a='1'", " a='1'", " xml:lang='de'", " xmlns:xmlns='x'", "<p:a/>", '<:a/>', '<a:/>', '<a:b:c/>', " h:a=''",
  '\u0000', '\u0001', '\u000b', '\u0085', '\u00a0', '\u0301', '\u00b7', '\u0220', '\u2028', '\ufffe', '\uffff', '\ufeff', '\u{1f600}', '\u{1fffe}',
].map((text) => Buffer.from(text)); // prettier-ignore
const broken = [
  'c0bc',
  'e080bc',
  'f08080bc',
  'eda080',
  'f4908080',
  'ff',
  '80',
  'c3',
  'e282',
  'f09f98',
  'f8',
  'efbfbe',
].map((hex) => Buffer.from(hex, 'hex'));

/** Makes up streams: well-formed ones of every shape the scanner knows, then, most of them, damaged a little. */
export class StreamGenerator {
  readonly #random: Random;
  readonly #dialect: Dialect;
  readonly #header: GeneratedHeader;
  /** Prefixes in scope that elements and attributes may use, innermost last. */
  readonly #scope: string[];
  #out = '';

  constructor(random: Random, dialect = plainXml) {
    this.#random = random;
    this.#dialect = dialect;
    this.#header = random.pick(dialect.headers);
    this.#scope = [...this.#header.prefixes];
  }

  stream(): Uint8Array {
    const random = this.#random;
    const { text, closing } = this.#header;
    this.#out = random.once(4) ? `<?xml version='1.0'?>${text}` : text;
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      if (random.once(4)) this.#out += random.pick([' ', '\n', '\r\n\t']);
      this.#element(0);
    }
    if (random.once(2)) this.#out += closing;
    let bytes: Uint8Array = Buffer.from(this.#out);
    // A third stays as it is; the others get one wound, sometimes more.
    if (!random.once(3))
      for (let wounds = random.once(4) ? 3 : 1; wounds > 0; wounds -= 1) bytes = this.#mutate(bytes);
    return bytes;
  }

  #element(depth: number): void {
    const random = this.#random;
    const scopeBefore = this.#scope.length;
    const attributes = this.#attributes();
    const local = random.pick(depth === 0 ? this.#dialect.top : this.#dialect.locals);
    const name = this.#scope.length > 0 && random.once(3) ? `${random.pick(this.#scope)}:${local}` : local;
    const space = random.once(8) ? random.pick([' ', '\n', '\r\n']) : '';
    this.#out += `<${name}${attributes}${space}`;
    if (random.once(4)) this.#out += '/>';
    else {
      this.#out += '>';
      for (let count = random.below(4); count > 0; count -= 1) this.#content(depth);
      this.#out += `</${name}${space}>`;
    }
    this.#scope.length = scopeBefore;
  }

  #content(depth: number): void {
    const random = this.#random;
    if (depth < 4 && random.once(2)) this.#element(depth + 1);
    else if (random.once(4)) this.#out += `<![CDATA[${random.pick(sections)}${random.pick(sections)}]]>`;
    else for (let count = 1 + random.below(3); count > 0; count -= 1) this.#out += this.#text();
  }

  /** Never `]]>`, which two pieces may make. */
  #text(): string {
    const text = this.#random.pick(texts);
    return text === '>' && this.#out.endsWith(']') ? '' : text;
  }

  #attributes(): string {
    const random = this.#random;
    const written: string[] = [];
    const used = new Set<string>();
    const add = (name: string, value: string): void => {
      if (used.has(name)) return;
      used.add(name);
      const quote = value.includes("'") || random.once(2) ? '"' : "'";
      const equals = random.once(10) ? ' =\n' : '=';
      written.push(`${random.once(10) ? '\r\n' : ' '}${name}${equals}${quote}${value}${quote}`);
    };
    if (random.once(4)) add('xmlns', random.once(6) ? '' : random.pick(this.#dialect.namespaces));
    for (let count = random.once(3) ? 1 + random.below(2) : 0; count > 0; count -= 1) {
      const prefix = random.pick(this.#dialect.declarable);
      add(`xmlns:${prefix}`, random.pick(this.#dialect.namespaces));
      this.#scope.push(prefix);
    }
    for (let count = random.once(6) ? random.below(9) : random.below(3); count > 0; count -= 1) {
      const local = random.pick(this.#dialect.attributes);
      const isPrefixed = this.#scope.length > 0 && random.once(3);
      add(isPrefixed ? `${random.pick(this.#scope)}:${local}` : local, this.#value());
    }
    // Declarations may stand after what uses them.
    if (random.once(3)) written.reverse();
    return written.join('');
  }

  #value(): string {
    let value = '';
    for (let count = this.#random.below(3); count > 0; count -= 1) {
      const piece = this.#random.pick(texts);
      if (piece !== '"') value += piece;
    }
    return value;
  }

  #mutate(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    // The header seldom: after a broken one nothing is scanned.
    const from = random.once(20) ? 0 : Math.min(this.#header.text.length, bytes.length - 1);
    const at = from + random.below(bytes.length - from);
    const end = Math.min(bytes.length, at + 1 + random.below(6));
    const other = from + random.below(bytes.length - from);
    const spliced = (until: number, piece: Uint8Array): Uint8Array =>
      Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(until)]);
    switch (random.below(8)) {
      case 0:
        return spliced(at + 1, Buffer.of(bytes[at]! ^ (1 << random.below(8))));
      case 1:
        return spliced(end, new Uint8Array(0));
      case 2:
        return spliced(at, random.pick(broken));
      case 3:
        return spliced(end, random.pick(hostile));
      case 4:
        return spliced(at, bytes.subarray(other, other + random.below(20)));
      case 5:
        return bytes.subarray(0, at);
      default:
        return spliced(at, random.pick(hostile));
    }
  }
}
