/** The scanner of the data plane, for stanzas in files and arguments. */
import { chatStanzas } from '../../stanza/chat-stanzas.ts';
import type { Names } from '../../stanza/names.ts';
import { ns } from '../../stanza/namespaces.ts';
import { xmppStanzas } from '../../stanza/protocol.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { Wire } from '../../policy/wire.ts';
import { defaultLimits } from '../../stream/limits.ts';
import { Scanner } from '../../stream/scanner.ts';
import { splice } from '../../stream/splice.ts';
import { PortableStructure } from '../../stream/structure/portable.ts';
import { Workspace } from '../../stream/workspace.ts';

/** The header of a client's stream. */
export const clientHeader = Buffer.from(
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
);

/** The header of a client's stream for the chat channel (docs/chat-channel.md). */
export const chatHeader = Buffer.from(
  `<stream:stream xmlns='${ns.chat}' xmlns:n='${ns.chatMarks}' xmlns:stream='${ns.streams}' version='1.0'>`,
);

/** Returns the reader and writer of stanzas in text. Reading throws SyntaxError unless the text is exactly one
 *  stanza, StreamError when the stanza is refused. */
export function createWire(): Wire {
  const workspace = new Workspace(new PortableStructure(), defaultLimits);
  const memory = workspace.output;
  return {
    parse: (text, names) => parse(text, names, workspace),
    write: (stanza, edits) => splice(stanza, edits, memory),
  };
}

/** A start tag that declares the namespace of the chat channel as its own. */
export const chatElement = new RegExp(`^\\s*<[^>]*\\sxmlns=(['"])${ns.chat}\\1`);

function parse(text: string, names: Names, workspace: Workspace): Stanza {
  const found: Stanza[] = [];
  const isChat = chatElement.test(text);
  const scanner = new Scanner({
    names,
    protocol: isChat ? chatStanzas : xmppStanzas,
    limits: defaultLimits,
    workspace,
    sink: {
      header: () => undefined,
      whitespace: () => undefined,
      end: () => undefined,
      stanza: (stanza) => found.push(stanza.retain()),
    },
  });
  scanner.push(isChat ? chatHeader : clientHeader);
  scanner.push(Buffer.from(text));
  if (found.length !== 1 || !scanner.atBoundary) throw new SyntaxError('expected one whole stanza');
  return found[0]!;
}
