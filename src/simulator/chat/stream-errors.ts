/** The errors by which the gatekeeper ends a stream (reverse-engineered). */
import type { ChatNode } from './node.ts';

function streamError(attrs: Readonly<Record<string, string>>, ...content: readonly ChatNode[]): ChatNode {
  return content.length === 0 ? { tag: 'stream:error', attrs } : { tag: 'stream:error', attrs, content };
}

export const streamErrors = {
  /** The client is to connect again. */
  restart: streamError({ code: '515' }),
  /** The device is no longer one of the account. */
  removed: streamError({ code: '516' }, { tag: 'conflict', attrs: { type: 'device_removed' } }),
  /** Another connection of the device has logged in. */
  replaced: streamError({ code: '409' }, { tag: 'conflict', attrs: { type: 'replaced' } }),
  shutdown: streamError({ code: '503' }),
  /** Returns the error for a stanza that is still owed its acknowledgement, or got one that lacks a part. */
  ack({ tag, attrs: { id = '', from = '', type } }: ChatNode): ChatNode {
    const named = { class: tag, id, from, ...(type === undefined ? {} : { type }) };
    return streamError({}, { tag: 'ack', attrs: named });
  },
} as const;
