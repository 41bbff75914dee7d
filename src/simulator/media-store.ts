/** A media server, the provider's or the gatekeeper's: stores ciphertext of its users, and serves it whole or in
 *  ranges (RFC 9110 §14). Like real servers, it reveals itself and its users in addresses, validators and headers. */
import { createHash, randomBytes } from 'node:crypto';
import { answer, header, type HeaderList, type HttpAnswer } from './http/message.ts';
import type { IncomingRequest } from './http/server.ts';
import { authenticatedUser, type PartyUser } from './http/user.ts';

interface StoredFile {
  readonly bytes: Buffer;
  readonly etag: string;
}

export interface MediaStoreOptions {
  readonly users: readonly PartyUser[];
  /** Returns `https://…` of its port without a slash at the end, once that listens. */
  readonly url: () => string;
}

/** Answers PUT /media/:name of a user with the file's address in `Location`, and GET and HEAD of stored files. */
export function createMediaStore({ users, url }: MediaStoreOptions) {
  const files = new Map<string, StoredFile>();

  function keep(request: IncomingRequest, name: string): HttpAnswer {
    const user = authenticatedUser(users, request);
    if (user === undefined) return answer(401);
    const [username] = user.identifier.split('@', 1);
    const path = `/store-3/u/${username}/${randomBytes(6).toString('hex')}/${name}`;
    const digest = createHash('sha256').update(path).digest('hex');
    files.set(path, { bytes: request.body, etag: `"inode-4711-${digest.slice(0, 12)}"` });
    return answer(201, undefined, [['Location', `${url()}${path}`]]);
  }

  return (request: IncomingRequest): HttpAnswer | undefined => {
    const { method, target } = request;
    const [, name] = /^\/media\/([\w.-]{1,64})$/.exec(target) ?? [];
    if (method === 'PUT' && name !== undefined) return keep(request, name);
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const file = files.get(target);
    return file === undefined ? undefined : serve(file, request);
  };
}

function serve({ bytes, etag }: StoredFile, request: IncomingRequest): HttpAnswer {
  const headers: HeaderList = [
    ['Server', 'store/7 (rack 12)'],
    ['Set-Cookie', `uid=${request.target.split('/')[3]}; Path=/`],
    ['X-Request-Id', randomBytes(4).toString('hex')],
    ['Via', '1.1 cache-3'],
    ['Content-Type', 'image/jpeg'],
    ['Accept-Ranges', 'bytes'],
    ['ETag', etag],
  ];
  const sameVersion = [undefined, etag].includes(header(request, 'if-range'));
  const range = sameVersion ? rangeOf(header(request, 'range'), bytes.length) : 'whole';
  if (range === 'unsatisfiable')
    return { ...answer(416), headers: [...headers, ['Content-Range', `bytes */${bytes.length}`]] };
  if (range === 'whole') {
    // A HEAD answer has no body whose length the port could count.
    const length: HeaderList = request.method === 'HEAD' ? [['Content-Length', String(bytes.length)]] : [];
    return {
      status: 200,
      headers: [...headers, ...length],
      body: request.method === 'HEAD' ? Buffer.alloc(0) : bytes,
    };
  }
  const { start, end } = range;
  const part: HeaderList = [['Content-Range', `bytes ${start}-${end}/${bytes.length}`]];
  return { status: 206, headers: [...headers, ...part], body: bytes.subarray(start, end + 1) };
}

/** Returns one range of bytes; any other request is answered with the whole file (RFC 9110 §14.2). */
function rangeOf(
  text: string | undefined,
  bytes: number,
): { start: number; end: number } | 'whole' | 'unsatisfiable' {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(text ?? '') ?? [];
  if (first === undefined) return 'whole';
  const start = Number(first);
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  return start >= bytes || end < start ? 'unsatisfiable' : { start, end };
}
