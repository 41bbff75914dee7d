import { createNames, type Names } from './names.ts';
import { ns } from './namespaces.ts';

/** Local names that the data plane itself asks for. The policy's catalogue adds its own. */
const coreLocals = [
  'message', 'presence', 'iq',
  'to', 'from', 'id', 'type', 'lang', 'version',
  'stream', 'features', 'error', 'text', 'host-unknown', 'see-other-host',
  'starttls', 'proceed', 'failure', 'required', 'compression', 'compress', 'method',
  'mechanisms', 'mechanism', 'auth', 'challenge', 'response', 'success', 'abort', 'authentication', 'authenticate',
  'continue', 'sasl-channel-binding', 'channel-binding', 'inline', 'fast',
  'bind', 'resource', 'jid', 'session', 'query', 'ping',
  'sm', 'enable', 'enabled', 'resume', 'resumed', 'failed', 'r', 'a', 'h', 'location', 'previd', 'max',
  'c', 'ver', 'node', 'hash', 'ext', 'body', 'connection-signals',
] as const; // prettier-ignore

/** The vocabulary of the stream itself, plus whatever names the policy in force asks about. */
export function createVocabulary(
  extra: { namespaces?: Iterable<string>; locals?: Iterable<string> } = {},
): Names {
  return createNames(
    [...Object.values(ns), ...(extra.namespaces ?? [])],
    [...coreLocals, ...(extra.locals ?? [])],
  );
}
