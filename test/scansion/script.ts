/** Reads scenario scripts in the form of Prosody's scansion (files `*.scs`): a header with the clients, a line of hyphens,
 *  and what each client does, in order. Stanzas stay text: what a script calls a full JID is known only when it runs. */

/** A client of the header. */
export interface ScriptClient {
  readonly name: string;
  readonly local: string;
  readonly domain: string;
  readonly password: string;
  /** Undefined where the server may choose it. */
  readonly resource: string | undefined;
}

interface Step {
  readonly client: string;
  readonly line: number;
}

export type Action =
  | (Step & { readonly kind: 'connects' | 'disconnects' | 'receives nothing' })
  | (Step & {
      readonly kind: 'sends' | 'receives';
      /** The stanzas, with `${…}` and `{scansion:…}` as written. */
      readonly xml: string;
    });

export interface Script {
  /** The first comment; the empty text without one. */
  readonly title: string;
  readonly clients: readonly ScriptClient[];
  readonly actions: readonly Action[];
}

/** What is wrong with a script, and where. */
export class ScriptError extends Error {
  /** @param line counted from 1 */
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = 'ScriptError';
  }
}

interface Line {
  readonly number: number;
  readonly text: string;
}

const comment = /^\s*#|^\/\/|^--(?!-)/;
const separator = /^---+\s*$/;

/** Parses a script.
 *  @throws ScriptError with the line, for whatever is not of the language */
export function parseScript(text: string): Script {
  const all = text.split(/\r?\n/).map((line, index) => ({ number: index + 1, text: line }));
  const title = /^\s*#\s*(.*?)\s*$/.exec(all.find(({ text }) => text.trim() !== '')?.text ?? '')?.[1] ?? '';
  const lines = all.filter(({ text }) => text.trim() !== '' && !comment.test(text));
  const end = lines.findIndex(({ text }) => separator.test(text));
  if (end === -1) throw new ScriptError(all.length, 'no line of hyphens ends the header');
  const clients = parseClients(lines.slice(0, end));
  return { title, clients, actions: parseActions(lines.slice(end + 1), clients) };
}

/** Groups lines: each that begins at the margin, with the indented ones after it. */
function blocks(lines: readonly Line[]): { readonly head: Line; readonly body: readonly Line[] }[] {
  const found: { head: Line; body: Line[] }[] = [];
  for (const line of lines) {
    if (/^\S/.test(line.text) && !line.text.startsWith('<')) found.push({ head: line, body: [] });
    else if (found.length === 0)
      throw new ScriptError(line.number, 'indented, and no line before it begins a block');
    else found.at(-1)!.body.push(line);
  }
  return found;
}

function parseClients(lines: readonly Line[]): ScriptClient[] {
  const clients: ScriptClient[] = [];
  for (const { head, body } of blocks(lines)) {
    const name = /^\[Client\]\s+(.+?)\s*$/.exec(head.text)?.[1];
    if (name === undefined) throw new ScriptError(head.number, 'not of the form [Client] NAME');
    if (clients.some((each) => each.name === name))
      throw new ScriptError(head.number, `a second client ${name}`);
    clients.push(clientOf(name, head, propertiesOf(body)));
  }
  return clients;
}

const properties = ['jid', 'password', 'resource'] as const;
type Properties = Partial<Record<(typeof properties)[number], string>>;

function propertiesOf(lines: readonly Line[]): Properties {
  const found: Properties = {};
  for (const { number, text } of lines) {
    const [, key, value] = /^\s+([a-z_]+):\s*(.*?)\s*$/.exec(text) ?? [];
    const property = properties.find((each) => each === key);
    if (property === undefined || value === undefined)
      throw new ScriptError(number, `a client has ${properties.join(', ')}, as KEY: VALUE`);
    found[property] = value;
  }
  return found;
}

function clientOf(name: string, { number }: Line, { jid, password, resource }: Properties): ScriptClient {
  const parts = /^([^@/]+)@([^@/]+)(?:\/(.+))?$/.exec(jid ?? '');
  if (parts === null) throw new ScriptError(number, `${name} has no jid: LOCAL@DOMAIN`);
  if (password === undefined) throw new ScriptError(number, `${name} has no password`);
  return { name, local: parts[1]!, domain: parts[2]!, password, resource: resource ?? parts[3] };
}

const verb = /^(.+?) (connects|disconnects|sends:?|receives nothing|receives:?)\s*$/;

function parseActions(lines: readonly Line[], clients: readonly ScriptClient[]): Action[] {
  return blocks(lines).map(({ head, body }) => {
    const [, client, word] = verb.exec(head.text) ?? [];
    if (client === undefined || word === undefined)
      throw new ScriptError(
        head.number,
        'not CLIENT connects, disconnects, sends:, receives:, or receives nothing',
      );
    if (!clients.some(({ name }) => name === client))
      throw new ScriptError(head.number, `the header has no client ${client}`);
    const kind = word.replace(':', '') as Action['kind'];
    const xml = body.map(({ text }) => text).join('\n');
    const hasStanza = kind === 'sends' || kind === 'receives';
    if (hasStanza !== (xml !== ''))
      throw new ScriptError(head.number, hasStanza ? 'no stanza follows' : `${kind} is followed by a stanza`);
    const where = { client, line: head.number };
    return hasStanza ? { ...where, kind, xml } : { ...where, kind: kind as 'connects' };
  });
}
