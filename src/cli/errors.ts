/** Every error code of the product in one list, each from the table of the folder that owns it. ERRORS.md is checked
 *  against it, and the command line takes the way out from it. */
import { configErrors } from '../config/problem.ts';
import { adminProblems } from '../http/admin-problem.ts';
import { listenErrors } from '../http/listen-error.ts';
import { type ErrorExplanation, streamErrors } from '../observability/errors.ts';

type Table = Readonly<Record<string, ErrorExplanation>>;

/** Codes of the commands themselves. */
export const commandErrors = {
  ERR_USAGE: {
    cause: 'The command line has an unknown command, option or value.',
    wayOut: 'See `narthex --help` and `narthex <command> --help`.',
  },
  ERR_INPUT_NOT_FOUND: {
    cause: 'An input file does not exist.',
    wayOut: 'Correct the path; `-` is standard input.',
  },
  ERR_INPUT_UNREADABLE: {
    cause: 'An input file exists and cannot be read.',
    wayOut: 'Check its permissions, and that it is a file.',
  },
  ERR_IO: {
    cause: 'Reading or writing failed midway.',
    wayOut: 'Check the disk, or the program at the other end of the pipe.',
  },
  ERR_NODE_VERSION: {
    cause: 'The Node that runs narthex is too old, and the one among the dependencies is not installed.',
    wayOut: 'Run `npm ci` in the checkout, which brings its own Node, or upgrade.',
  },
  ERR_TRACING_SDK_MISSING: {
    cause:
      'Tracing is on (`tracing.otlpEndpoint` or OTEL_EXPORTER_OTLP_ENDPOINT), but the OpenTelemetry SDK is not installed.',
    wayOut: 'Install the optional dependencies with Node 22.15 or newer, or turn tracing off.',
  },
} as const satisfies Table;

export interface ErrorSection {
  readonly title: string;
  /** Where codes of the section show up. */
  readonly seen: string;
  readonly codes: Table;
}

export const errorSections: readonly ErrorSection[] = [
  { title: 'Commands', seen: 'on standard error, with an exit code', codes: commandErrors },
  {
    title: 'Configuration',
    seen: 'on standard error of `check` and `serve`, with file, line and column',
    codes: configErrors,
  },
  { title: 'Ports', seen: 'on standard error of `serve`', codes: listenErrors },
  { title: 'Streams', seen: 'in the log and in the metric `narthex_refusals_total`', codes: streamErrors },
  { title: 'Admin port', seen: 'in problem documents (RFC 9457)', codes: explained(adminProblems) },
];

function explained(problems: Readonly<Record<string, { detail: string; wayOut: string }>>): Table {
  return Object.fromEntries(
    Object.entries(problems).map(([code, { detail, wayOut }]) => [code, { cause: detail, wayOut }]),
  );
}

/** What a code means, if it is one of ours. */
export function explanationOf(code: string): ErrorExplanation | undefined {
  return errorSections.find(({ codes }) => Object.hasOwn(codes, code))?.codes[code];
}

/** A command failed for a reason that the operator can do something about. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: keyof typeof commandErrors;

  constructor(code: keyof typeof commandErrors, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
