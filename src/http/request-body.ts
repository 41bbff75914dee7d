/** Reads the JSON body of a request. Bytes are counted as they arrive, so that a body without a length is bounded
 *  too. */
import { ownCopy } from '../stanza/own-bytes.ts';
import { HttpProblem } from './problem.ts';
import { parseStrictJson, type JsonObject } from './strict-json.ts';

/** Limits of a request's body. */
export interface BodyLimits {
  /** Bytes of a request's JSON body (ERR_HTTP_BODY_TOO_LARGE). */
  readonly bodyBytesMax: number;
  /** Milliseconds from the start of reading a body to its end (ERR_HTTP_BODY_TIMEOUT). */
  readonly bodyTimeoutMs: number;
  /** Nesting of arrays and objects in any JSON that is read. */
  readonly jsonDepthMax: number;
}

/** Reads and parses the body.
 *  @throws HttpProblem ERR_HTTP_BODY_TYPE, ERR_HTTP_BODY_TOO_LARGE, ERR_HTTP_BODY_TIMEOUT, ERR_HTTP_JSON,
 *  ERR_HTTP_JSON_DUPLICATE */
export async function readJsonBody(request: Request, limits: BodyLimits): Promise<JsonObject> {
  requireJson(request.headers);
  const json = parseStrictJson(await readBytes(request, limits), { depthMax: limits.jsonDepthMax });
  if (json.kind === 'duplicate-member') throw new HttpProblem('ERR_HTTP_JSON_DUPLICATE');
  if (json.kind === 'malformed') throw new HttpProblem('ERR_HTTP_JSON');
  return json.value;
}

function requireJson(headers: Headers): void {
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json' || headers.has('content-encoding')) {
    throw new HttpProblem('ERR_HTTP_BODY_TYPE');
  }
}

async function readBytes(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const { bodyBytesMax, bodyTimeoutMs } = limits;
  if (Number(request.headers.get('content-length') ?? 0) > bodyBytesMax) {
    throw new HttpProblem('ERR_HTTP_BODY_TOO_LARGE', { bodyBytesMax });
  }
  const reader = request.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  if (reader === undefined) return new Uint8Array();
  const late = new HttpProblem('ERR_HTTP_BODY_TIMEOUT', { bodyTimeoutMs });
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(late), bodyTimeoutMs);
  try {
    return await Promise.race([collect(reader, bodyBytesMax), timer.promise]);
  } catch (error) {
    reader.cancel().catch(() => {});
    // Another failure means that the caller left or broke its framing, so there is no JSON.
    throw error instanceof HttpProblem ? error : new HttpProblem('ERR_HTTP_JSON');
  } finally {
    clearTimeout(timeout);
  }
}

async function collect(reader: ReadableStreamDefaultReader<Uint8Array>, max: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return ownCopy(...chunks);
    bytes += value.byteLength;
    if (bytes > max) throw new HttpProblem('ERR_HTTP_BODY_TOO_LARGE', { bodyBytesMax: max });
    chunks.push(value);
  }
}
