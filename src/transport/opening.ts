/** The stream header that opens a stream in clear text, before STARTTLS. */
import { escapeAttribute } from '../stanza/decode.ts';
import { ns } from '../stanza/namespaces.ts';

/** Returns declaration and header, without `from`, which would show network observers the client's account (RFC 6120
 *  §4.7.1). */
export function writeOpening(domain: string): string {
  return (
    `<?xml version='1.0'?><stream:stream to='${escapeAttribute(domain)}' version='1.0' ` +
    `xmlns='${ns.client}' xmlns:stream='${ns.streams}'>`
  );
}
