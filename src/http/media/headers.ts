/** The headers of a download, in both directions (RFC 9110 §8.8, §13, §14). Ranges are parsed and written anew.
 *  Validators of the media server are sealed for the caller and opened on return, so neither side can mark the
 *  other. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { OutboundHeaders } from '../headers.ts';
import type { MediaTokens } from './token.ts';

/** Returns the headers of the request to the media server: the range, and the version that the caller has. */
export function mediaRequestHeaders(
  headers: IncomingHttpHeaders,
  tokens: MediaTokens,
  url: string,
): OutboundHeaders & Record<string, string> {
  const request: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity' };
  for (const condition of ['if-none-match', 'if-match'] as const) {
    const asked = headers[condition];
    if (asked !== undefined) Object.assign(request, conditionFor(condition, asked, tokens, url));
  }
  const range = singleRange(headers.range);
  const ifRange = headers['if-range'];
  const version = typeof ifRange === 'string' ? openValidators(ifRange, tokens, url)[0] : undefined;
  // An unknown version of a range is another version: the whole file is sent (§13.1.5).
  if (range === undefined || (ifRange !== undefined && version === undefined)) return request;
  request['range'] = range;
  if (version !== undefined) request['if-range'] = version.value;
  return request;
}

type Condition = 'if-none-match' | 'if-match';

function conditionFor(
  condition: Condition,
  asked: string,
  tokens: MediaTokens,
  url: string,
): Record<string, string> {
  if (asked.trim() === '*') return { [condition]: '*' };
  const opened = openValidators(asked, tokens, url);
  const date = opened.find(({ kind }) => kind === 'date');
  if (date !== undefined) {
    return { [condition === 'if-match' ? 'if-unmodified-since' : 'if-modified-since']: date.value };
  }
  if (opened.length > 0) return { [condition]: opened.map(({ value }) => value).join(', ') };
  // No known version: If-None-Match then holds, and If-Match fails, which an impossible ETag causes.
  return condition === 'if-match' ? { [condition]: '"0"' } : {};
}

const rangeForm = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/;

/** Returns a single range of bytes; undefined for several or another unit, which may be ignored (§14.2). */
function singleRange(range: string | undefined): string | undefined {
  return range !== undefined && rangeForm.test(range) ? range : undefined;
}

const validatorsMax = 8;

interface Validator {
  readonly kind: 'etag' | 'date';
  readonly value: string;
}

function openValidators(list: string, tokens: MediaTokens, url: string): Validator[] {
  const sealed = [...list.matchAll(/"([\w-]*)"/g)].slice(0, validatorsMax);
  return sealed.flatMap(([, text]) => {
    const opened = tokens.openEtag(text!, url);
    if (opened === undefined) return [];
    return { kind: opened.startsWith('d') ? 'date' : 'etag', value: opened.slice(1) } as const;
  });
}

/** Returns the headers of the answer to the caller: length, range, and whether it may resume. */
export function mediaAnswerHeaders(
  { statusCode, headers }: IncomingMessage,
  tokens: MediaTokens,
  url: string,
): Record<string, string> {
  const answer: Record<string, string> = {
    'cache-control': 'private, no-transform',
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
  };
  const validator = validatorOf(headers);
  if (validator !== undefined) answer['etag'] = sealValidator(validator, tokens, url);
  if (statusCode === 304) return answer;
  const length = headers['content-length'];
  const isWhole = statusCode === 200 || statusCode === 206;
  answer['content-length'] = isWhole && length !== undefined ? length : '0';
  if (isWhole && length === undefined) delete answer['content-length'];
  const contentRange = headers['content-range'];
  if (contentRange !== undefined && contentRangeForm.test(contentRange))
    answer['content-range'] = contentRange;
  if (headers['accept-ranges'] === 'bytes' || statusCode === 206) answer['accept-ranges'] = 'bytes';
  return answer;
}

const contentRangeForm = /^bytes (?:\d{1,15}-\d{1,15}\/(?:\d{1,15}|\*)|\*\/\d{1,15})$/;

function validatorOf({ etag, 'last-modified': lastModified }: IncomingHttpHeaders): string | undefined {
  if (etag !== undefined && /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/.test(etag)) return `e${etag}`;
  return lastModified !== undefined && Number.isFinite(Date.parse(lastModified))
    ? `d${new Date(lastModified).toUTCString()}`
    : undefined;
}

/** Returns a sealed validator of the same strength: only a strong one may resume (§13.1.5). */
function sealValidator(validator: string, tokens: MediaTokens, url: string): string {
  return `${validator.startsWith('eW/') ? 'W/' : ''}"${tokens.sealEtag(validator, url)}"`;
}
