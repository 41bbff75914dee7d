/** Exit codes: those of sysexits.h where they fit, so that scripts and service managers can distinguish failures. */

export const exitCodes = {
  ok: 0,
  /** The command ran, and its answer is no. */
  negative: 1,
  usage: 64,
  dataError: 65,
  noInput: 66,
  unavailable: 69,
  /** A defect. */
  software: 70,
  cannotCreate: 73,
  ioError: 74,
  noPermission: 77,
  config: 78,
} as const;

export type ExitName = keyof typeof exitCodes;
export type ExitCode = (typeof exitCodes)[ExitName];

/** The meaning of each code, in `narthex --help` and ERRORS.md. */
export const exitMeanings: Readonly<Record<ExitName, string>> = {
  ok: 'done; a server that was asked to stop has stopped',
  negative: 'the command ran and its answer is no, e.g. `scan` of a stream that is refused',
  usage: 'the command line is wrong (EX_USAGE)',
  dataError: 'the input is not of the form the command takes (EX_DATAERR)',
  noInput: 'an input file does not exist or cannot be read (EX_NOINPUT)',
  unavailable: 'something needed cannot be had: a port, a package (EX_UNAVAILABLE)',
  software: 'a defect of narthex itself (EX_SOFTWARE)',
  cannotCreate: 'an output file cannot be written, or is there already (EX_CANTCREAT)',
  ioError: 'reading or writing failed midway (EX_IOERR)',
  noPermission: 'the system forbids it, e.g. a port below 1024 (EX_NOPERM)',
  config: 'the configuration is wrong (EX_CONFIG)',
};
