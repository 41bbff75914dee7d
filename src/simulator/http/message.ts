/** HTTP messages as one party wrote or read them, for transcripts and assertions. */

/** Headers in the order written, names as written. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface HttpRequest {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** A request and its answer, both as one party saw them. */
export interface HttpExchange {
  readonly request: HttpRequest;
  readonly answer: HttpAnswer;
}

/** Returns the value of a header, whose name is compared without case; the first of several. */
export function header({ headers }: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  return headers.find(([written]) => written.toLowerCase() === name)?.[1];
}

/** Returns the body as a JSON object; undefined when it is none. */
export function jsonBody({ body }: Pick<HttpRequest, 'body'>): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns an answer, with a JSON body if a value is given. */
export function answer(status: number, value?: object, headers: HeaderList = []): HttpAnswer {
  if (value === undefined) return { status, headers, body: Buffer.alloc(0) };
  return { status, headers: [...headers, ['Content-Type', 'application/json']], body: json(value) };
}

export function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Returns headers from Node's list, in which names and values alternate. */
export function pairs(raw: readonly string[]): HeaderList {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]!] as const] : []));
}
