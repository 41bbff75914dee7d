/** Reads the body of a request: JSON or a form. Bytes are counted as they arrive, so that a body without a length is bounded
 *  too. */
import { ownCopy } from '../stanza/own-bytes.ts';
import { HttpProblem } from './problem.ts';
import { parseStrictJson, type JsonObject } from './strict-json.ts';

/** Limits of a request's body. */
export interface BodyLimits {
  /** Bytes of a request's body (ERR_HTTP_BODY_TOO_LARGE). */
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
  requireType(request.headers, 'application/json');
  const json = parseStrictJson(await readBytes(request, limits), { depthMax: limits.jsonDepthMax });
  if (json.kind === 'duplicate-member') throw new HttpProblem('ERR_HTTP_JSON_DUPLICATE');
  if (json.kind === 'malformed') throw new HttpProblem('ERR_HTTP_JSON');
  return json.value;
}

const formType = 'application/x-www-form-urlencoded';

/** Returns whether a request has a form for a body. */
export function isForm(headers: Headers): boolean {
  return mediaType(headers) === formType;
}

/** Reads a form (URL Standard §5) whose values need no escaping: letters, digits, `-`, `.` and `_`. Anything else is
 *  refused, so that all parsers read it alike.
 *  @returns values by name, in the order written
 *  @throws HttpProblem ERR_HTTP_BODY_TYPE, ERR_HTTP_BODY_TOO_LARGE, ERR_HTTP_BODY_TIMEOUT, ERR_HTTP_FORM */
export async function readForm(request: Request, limits: BodyLimits): Promise<ReadonlyMap<string, string>> {
  requireType(request.headers, formType);
  const text = Buffer.from(await readBytes(request, limits, 'ERR_HTTP_FORM')).toString('latin1');
  const fields = new Map<string, string>();
  for (const pair of text.split('&')) {
    const [, name, value] = /^([\w.-]+)=([\w.-]*)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined || fields.has(name)) throw new HttpProblem('ERR_HTTP_FORM');
    fields.set(name, value);
  }
  return fields;
}

function mediaType(headers: Headers): string | undefined {
  return headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
}

function requireType(headers: Headers, type: string): void {
  if (mediaType(headers) !== type || headers.has('content-encoding'))
    throw new HttpProblem('ERR_HTTP_BODY_TYPE');
}

/** Reads a body.
 *  @param broken the code for one that ends too early
 *  @throws HttpProblem ERR_HTTP_BODY_TOO_LARGE, ERR_HTTP_BODY_TIMEOUT, or with `broken` */
async function readBytes(
  request: Request,
  limits: BodyLimits,
  broken: 'ERR_HTTP_JSON' | 'ERR_HTTP_FORM' = 'ERR_HTTP_JSON',
): Promise<Uint8Array> {
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
    // Another failure means that the caller left or broke its framing.
    throw error instanceof HttpProblem ? error : new HttpProblem(broken);
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
