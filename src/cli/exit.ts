/** Exit codes: those of sysexits.h where they fit, so that scripts and service managers can tell failures apart. */

/** The one table of exit codes; `narthex --help` prints it and ERRORS.md is checked against it. */
export const exitCodes = {
  ok: { code: 0, meaning: 'success; a server that was asked to stop has stopped' },
  usage: { code: 64, meaning: 'the command line is wrong (EX_USAGE)' },
  data: { code: 65, meaning: 'the input was read and is refused, e.g. a stream by `scan` (EX_DATAERR)' },
  noInput: { code: 66, meaning: 'an input file does not exist or cannot be read (EX_NOINPUT)' },
  unavailable: {
    code: 69,
    meaning: 'something needed is not available: a port, a gatekeeper, a package (EX_UNAVAILABLE)',
  },
  software: { code: 70, meaning: 'a defect of narthex itself (EX_SOFTWARE)' },
  io: { code: 74, meaning: 'reading or writing failed midway (EX_IOERR)' },
  noPermission: { code: 77, meaning: 'the system forbids it, e.g. a port below 1024 (EX_NOPERM)' },
  config: { code: 78, meaning: 'the configuration is wrong (EX_CONFIG)' },
} as const;

export type ExitName = keyof typeof exitCodes;
export type ExitCode = (typeof exitCodes)[ExitName]['code'];

/** The exit code that goes with an error code; a code without a rule is a defect. */
export function exitCodeOf(errorCode: string): ExitCode {
  const rule = rules.find(({ codes }) => codes.test(errorCode));
  return exitCodes[rule?.exit ?? 'software'].code;
}

/** First match counts. */
const rules: readonly { readonly codes: RegExp; readonly exit: ExitName }[] = [
  { codes: /^ERR_USAGE$/, exit: 'usage' },
  { codes: /^ERR_CONFIG_(NOT_FOUND|UNREADABLE)$/, exit: 'noInput' },
  { codes: /^ERR_(CONFIG_|NODE_VERSION$)/, exit: 'config' },
  { codes: /^ERR_INPUT_/, exit: 'noInput' },
  { codes: /^ERR_IO$/, exit: 'io' },
  { codes: /^ERR_PORT_FORBIDDEN$/, exit: 'noPermission' },
  {
    codes: /^ERR_(PORT_IN_USE|ADDRESS_NOT_AVAILABLE|LISTEN|UPSTREAM_[A-Z]+|TRACING_SDK_MISSING)$/,
    exit: 'unavailable',
  },
];
