/** HTTP messages as one party wrote or read them: what a transcript shows, and what assertions are made on. */

/** In the order written, names as written. */
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

/** A request and what it was answered, both as one party saw them. */
export interface HttpExchange {
  readonly request: HttpRequest;
  readonly answer: HttpAnswer;
}

/** The value of a header, names compared without case; the first of several. */
export function header({ headers }: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  return headers.find(([written]) => written.toLowerCase() === name)?.[1];
}

/** The body as a JSON object; undefined when it is anything else. */
export function jsonBody({ body }: Pick<HttpRequest, 'body'>): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** An answer without or with a JSON body. */
export function answer(status: number, value?: object, headers: HeaderList = []): HttpAnswer {
  if (value === undefined) return { status, headers, body: Buffer.alloc(0) };
  return { status, headers: [...headers, ['Content-Type', 'application/json']], body: json(value) };
}

export function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Node gives names and values in one list. */
export function pairs(raw: readonly string[]): HeaderList {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]!] as const] : []));
}
