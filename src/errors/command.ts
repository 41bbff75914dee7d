/** Errors that end a command: wrong usage, or malformed input. */
import type { ErrorRow } from './row.ts';

export const commandErrors = {
  ERR_USAGE: {
    cause: 'The command line has an unknown command, option or value.',
    remedy: 'See `narthex --help` and `narthex <command> --help`.',
    exit: 'usage',
  },
  ERR_OPTION: {
    cause: 'An option has a value it does not take.',
    remedy: 'See the help of the command.',
    exit: 'usage',
  },
  ERR_OUTPUT: {
    cause:
      'Standard output cannot be written. `narthex serve` goes on without its log lines; other commands end.',
    remedy: 'Free space on its disk, or direct it elsewhere.',
    exit: 'ioError',
  },
  ERR_FILE: {
    cause: 'An input file does not exist or cannot be read.',
    remedy: 'Correct the path or its permissions; `-` is standard input.',
    exit: 'noInput',
  },
  ERR_CASES: {
    cause: 'The file of cases is no JSON array of {"name": string, "bytes": base64 string}.',
    remedy: 'Correct the file; `narthex scan --help` shows an example.',
    exit: 'dataError',
  },
  ERR_INPUT_JSON: {
    cause: 'A line of input is neither a JSON string nor an object with a text `xml`.',
    remedy: 'Correct the line, or pass XML.',
    exit: 'dataError',
  },
  ERR_INIT_EXISTS: {
    cause: 'A file that `narthex init` would write is there already, so it has written none.',
    remedy: 'Choose another folder, or overwrite with `--force`: secrets and certificates are then new.',
    exit: 'cannotCreate',
  },
  ERR_INIT_WRITE: {
    cause: 'The folder that `narthex init` was given cannot be written to.',
    remedy: 'Correct its permissions, or choose another folder.',
    exit: 'cannotCreate',
  },
  ERR_TEMPORARY_FILE: {
    cause: 'The command `narthex demo` or `narthex audit canaries` cannot write its temporary files.',
    remedy: 'Free space on the disk, or name another folder in the environment variable TMPDIR.',
    exit: 'cannotCreate',
  },
  ERR_JWKS: {
    cause: 'The file given as `--jwks` is no JWK set (RFC 7517).',
    remedy: 'Fetch it from `/.well-known/jwks.json` of the intermediary.',
    exit: 'dataError',
  },
  ERR_HASH_ALGORITHM: {
    cause: 'XEP-0300 has no hash function of this name, or this Node has none.',
    remedy: 'Use one of sha-256, sha-512, sha3-256, sha3-512.',
    exit: 'usage',
  },
  ERR_NODE_VERSION: {
    cause: 'The Node that runs narthex is too old, and the npm package `node` is not installed.',
    remedy: 'Upgrade it, or install the npm package `node`; in a checkout `npm ci` does so.',
    exit: 'config',
  },
  ERR_TRACING_SDK_MISSING: {
    cause:
      'Tracing is on (`tracing.otlpEndpoint` or OTEL_EXPORTER_OTLP_ENDPOINT) without the OpenTelemetry SDK installed.',
    remedy: 'Install the optional dependencies with Node 22.15 or newer, or turn tracing off.',
    exit: 'unavailable',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
