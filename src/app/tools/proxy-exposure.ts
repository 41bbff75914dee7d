/** Asks a running proxy what each audience was shown: `GET /api/exposure` on its admin port (docs/exposure.md). */
import { Refusal } from '../../errors/refusal.ts';
import { exposureDocument, type ExposureDocument } from '../../http/admin/exposure.ts';

/** Most bytes of an answer: the longest list of rows that a configuration allows. */
export const answerBytesMax = 33_554_432;

/** Longest wait for the whole answer, in milliseconds. */
export const answerTimeoutMs = 10_000;

/** Why there is no answer that can be used.
 *  - `ERR_PROXY_UNREACHABLE`: no answer in time.
 *  - `ERR_PROXY_REFUSED`: the admin port does not answer this machine (401, 403).
 *  - `ERR_PROXY_ANSWER`: what answers is no proxy, or one of another format. */
export class ProxyUnusable extends Refusal<
  'ERR_PROXY_UNREACHABLE' | 'ERR_PROXY_REFUSED' | 'ERR_PROXY_ANSWER'
> {
  override readonly name = 'ProxyUnusable';
}

/** Whether a text is an address of the web rather than a folder. */
export function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** Asks the proxy.
 *  @param base address of the admin port, such as http://127.0.0.1:9090
 *  @throws ProxyUnusable */
export async function fetchExposure(base: string, timeoutMs = answerTimeoutMs): Promise<ExposureDocument> {
  const url = URL.parse('/api/exposure', base);
  if (url === null || url.username !== '' || url.password !== '')
    throw new ProxyUnusable('ERR_PROXY_ANSWER', 'the address is none of an admin port, or has a password');
  const response = await ask(url, timeoutMs);
  if (response.status === 401 || response.status === 403)
    throw new ProxyUnusable('ERR_PROXY_REFUSED', `${url.href} answers ${response.status}`);
  if (response.status !== 200)
    throw new ProxyUnusable('ERR_PROXY_ANSWER', `${url.href} answers ${response.status}`);
  const parsed = exposureDocument.safeParse(parseJson(await readBounded(response, url)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const member = issue === undefined || issue.path.length === 0 ? 'the answer' : issue.path.join('.');
  throw new ProxyUnusable(
    'ERR_PROXY_ANSWER',
    `${url.href} is no exposure of format 1: ${member} is different`,
  );
}

async function ask(url: URL, timeoutMs: number): Promise<Response> {
  try {
    return await fetch(url, {
      headers: { accept: 'application/json' },
      // Another host was not asked for.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new ProxyUnusable('ERR_PROXY_UNREACHABLE', `${url.href} does not answer (${reasonOf(error)})`);
  }
}

async function readBounded({ body }: Response, url: URL): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of body ?? []) {
      length += part.length;
      if (length > answerBytesMax) break;
      parts.push(part);
    }
  } catch (error) {
    throw new ProxyUnusable('ERR_PROXY_UNREACHABLE', `${url.href} breaks off (${reasonOf(error)})`);
  }
  if (length <= answerBytesMax) return Buffer.concat(parts).toString();
  throw new ProxyUnusable('ERR_PROXY_ANSWER', `${url.href} answers more than ${answerBytesMax} bytes`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the system's code of a failed connection, such as ECONNREFUSED. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout';
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'unknown reason';
}
