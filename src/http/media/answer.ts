/** The answer of a download, over either version of HTTP. */
import { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { HttpEnv } from '../env.ts';

export interface MediaAnswer {
  /** Writes status and headers. */
  readonly begin: (status: number, headers: Readonly<Record<string, string>>) => void;
  /** Sends the headers now, not with the first byte of the body. */
  readonly flush: () => void;
  readonly body: Writable;
  /** Ends a body that is not whole so that the caller sees it: closes the connection of HTTP/1.1, or resets the stream
   *  (RFC 9113 §8.1.1). */
  readonly cut: () => void;
}

export function mediaAnswer(outgoing: HttpEnv['Bindings']['outgoing']): MediaAnswer {
  if (outgoing instanceof ServerResponse)
    return {
      begin: (status, headers) => void outgoing.writeHead(status, headers),
      flush: () => outgoing.flushHeaders(),
      body: outgoing,
      cut: () => void outgoing.destroy(),
    };
  const { stream } = outgoing;
  return {
    begin: (status, headers) => {
      // For the report of the answer; the stream is written without the response object.
      outgoing.statusCode = status;
      if (!stream.destroyed) stream.respond({ ':status': status, ...headers });
    },
    flush: () => {},
    body: stream,
    // `close` would end the body first, with END_STREAM.
    cut: () => stream.destroy(new Error('the body is not whole')),
  };
}
