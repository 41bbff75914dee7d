/** The files for the connection to a collector of traces: headers and authorities, read at the start. */
import type { Config } from '../../config/schema.ts';
import { readPrivateFile, readRegularFile, whyOf } from '../../documents/read.ts';
import { SetupError } from '../../transport/error.ts';
import { parseCertificates } from '../../transport/pem.ts';

type TracingConfig = Config['tracing'];

export interface CollectorFiles {
  /** Headers of every export. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificate authorities in PEM form; undefined for the public ones. */
  readonly authorities: string | undefined;
}

/** A name (RFC 9110 §5.1) and a value (§5.5) in ASCII, without white space at its ends. */
const headerLine =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]{0,4094}[\x21-\x7e])?)[ \t]*$/;
const headersMax = 16;

/** Headers that the exporter or HTTP itself sets. */
const reserved = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
]);

/** Reads the files of `tracing`.
 *  @throws SetupError ERR_TRACING_FILE, ERR_CERTIFICATE_INVALID */
export function readCollectorFiles({ headersFile, caFile }: TracingConfig): CollectorFiles {
  return {
    headers: headersFile === undefined ? {} : readHeaders(headersFile),
    authorities: caFile === undefined ? undefined : readAuthorities(caFile),
  };
}

function readHeaders(path: string): Readonly<Record<string, string>> {
  const remedy = 'Write `name: value` on each line, such as `authorization: Bearer …`';
  const wrong = (why: string, line: number): SetupError =>
    new SetupError('ERR_TRACING_FILE', `the headers ${path} ${why}`, remedy, {
      role: 'headers',
      path,
      line,
      column: 1,
    });
  let text: string;
  try {
    text = readPrivateFile(path).toString('utf8');
  } catch (error) {
    throw wrong(`cannot be read (${whyOf(error)})`, 1);
  }
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, value] = headerLine.exec(line) ?? [];
    if (name === undefined || value === undefined) throw wrong('have a line of another form', index + 1);
    const key = name.toLowerCase();
    if (reserved.has(key)) throw wrong(`set ${key}, which the exporter sets`, index + 1);
    if (key in headers) throw wrong('have a name twice', index + 1);
    headers[key] = value;
    if (Object.keys(headers).length > headersMax) throw wrong(`are more than ${headersMax}`, index + 1);
  }
  return headers;
}

function readAuthorities(path: string): string {
  const file = { role: 'authorities', path } as const;
  let pem: string;
  try {
    pem = readRegularFile(path).toString('latin1');
  } catch (error) {
    throw new SetupError(
      'ERR_TRACING_FILE',
      `the authorities ${path} cannot be read (${whyOf(error)})`,
      'Name a file of certificates in PEM form',
      { ...file, line: 1, column: 1 },
    );
  }
  parseCertificates(pem, file);
  return pem;
}
