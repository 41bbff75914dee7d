/** Reads a captured ClientHello. */
import { ClientHelloReader, type ClientHelloProgress } from '../../signals/client-hello-reader.ts';

/** Reads the TLS records at the beginning of a connection, given whole. */
export function readClientHello(bytes: Uint8Array): ClientHelloProgress {
  return new ClientHelloReader().push(bytes);
}
