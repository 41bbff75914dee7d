import { createNames, type Names } from './names.ts';
import { ns } from './namespaces.ts';

/** Local names that relay and guard use. The policy's catalogue adds its own. */
const coreLocals = [
  'message', 'presence', 'iq',
  'to', 'from', 'id', 'type', 'lang', 'version',
  'stream', 'features', 'error', 'text', 'host-unknown', 'see-other-host',
  'starttls', 'proceed', 'failure', 'required', 'compression', 'compress', 'method',
  'mechanisms', 'mechanism', 'auth', 'challenge', 'response', 'success', 'abort', 'authentication', 'authenticate',
  'continue', 'sasl-channel-binding', 'channel-binding', 'inline', 'fast', 'request-token', 'tls-0rtt',
  'bind', 'resource', 'jid', 'session', 'query', 'ping',
  'sm', 'enable', 'enabled', 'resume', 'resumed', 'failed', 'r', 'a', 'h', 'location', 'previd', 'max',
  'c', 'ver', 'node', 'hash', 'ext', 'body', 'connection-signals',
  // The chat channel.
  'receipt', 'ack', 'notification', 'call', 'chatstate', 'status', 'ib', 'xmlstreamend',
  'class', 'participant', 'recipient', 'list', 'item', 'identity',
] as const; // prettier-ignore

/** Returns the vocabulary of the stream itself, with the names of the policy in force. */
export function createVocabulary(
  extra: { namespaces?: Iterable<string>; locals?: Iterable<string> } = {},
): Names {
  return createNames(
    [...Object.values(ns), ...(extra.namespaces ?? [])],
    [...coreLocals, ...(extra.locals ?? [])],
  );
}
