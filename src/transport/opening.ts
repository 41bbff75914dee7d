/** The stream header that opens a stream in clear text, before STARTTLS. */
import { escapeAttribute } from '../stanza/decode.ts';
import { ns } from '../stanza/namespaces.ts';

/** @returns declaration and header. No `from`: it would show every observer of the network who connects
 *  (RFC 6120 §4.7.1). */
export function writeOpening(domain: string): string {
  return (
    `<?xml version='1.0'?><stream:stream to='${escapeAttribute(domain)}' version='1.0' ` +
    `xmlns='${ns.client}' xmlns:stream='${ns.streams}'>`
  );
}
