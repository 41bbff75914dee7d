/** Parses a captured ClientHello. */
import { ClientHelloReader, type ClientHelloProgress } from '../../signals/client-hello-reader.ts';

/** Parses the TLS records at the start of a connection, given as a whole. */
export function readClientHello(bytes: Uint8Array): ClientHelloProgress {
  return new ClientHelloReader().push(bytes);
}
