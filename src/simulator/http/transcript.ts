/** HTTP messages as text for a terminal: start line, headers, JSON over several lines, any other body by its size.
 *  Secrets are cut to their first characters. */
import { jsonBody, type HeaderList, type HttpAnswer, type HttpRequest } from './message.ts';

/** Characters of a secret that are shown. */
const prefixChars = 12;

export function formatRequest(request: HttpRequest): string[] {
  return [`${request.method} ${shortenTarget(request.target)}`, ...lines(request)];
}

export function formatAnswer(answer: HttpAnswer): string[] {
  return [`HTTP ${answer.status}`, ...lines(answer)];
}

function lines(message: Pick<HttpRequest, 'headers' | 'body'>): string[] {
  return [...formatHeaders(message.headers), ...formatBody(message)];
}

/** Returns headers in lower case and sorted, so that two lists can be compared, without those in `leftOut`. */
function formatHeaders(headers: HeaderList): string[] {
  return headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !leftOut.has(name))
    .map(([name, value]) => `${name}: ${secretHeaders.has(name) ? shortenLast(value) : shortenTokens(value)}`)
    .sort();
}

/** Headers of the connection, and those that every answer of the intermediary has. */
const leftOut: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-security-policy',
  'date',
  'host',
  'keep-alive',
  'strict-transport-security',
  'x-content-type-options',
]);
const secretHeaders: ReadonlySet<string> = new Set(['authorization', 'connection-signals']);

function formatBody(message: Pick<HttpRequest, 'headers' | 'body'>): string[] {
  if (message.body.length === 0) return [];
  const json = jsonBody(message);
  if (json === undefined) return [`(${message.body.length} bytes)`];
  return JSON.stringify(json, undefined, 2)
    .split('\n')
    .map((line) => shortenTokens(line));
}

/** Shortens the last word of a value: `Bearer eyJ…` keeps the scheme. */
function shortenLast(value: string): string {
  return value.replace(/[^ ]+$/, (secret) => shorten(secret));
}

/** Shortens signed tokens, and other long text without spaces. */
function shortenTokens(text: string): string {
  return text.replaceAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+|[\w-]{33,}/g, (token) =>
    /[0-9A-Z]/.test(token) ? shorten(token) : token,
  );
}

function shortenTarget(target: string): string {
  return target.replaceAll(/[\w%-]{33,}/g, (part) => shorten(part));
}

function shorten(secret: string): string {
  return secret.length <= prefixChars
    ? secret
    : `${secret.slice(0, prefixChars)}… (${secret.length} characters)`;
}
