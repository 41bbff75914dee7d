/** Exit codes, after sysexits(3), so that scripts can tell what kind of thing went wrong. */
export const exitCodes = {
  ok: 0,
  /** The command ran and its answer is no. */
  negative: 1,
  usage: 64,
  dataError: 65,
  noInput: 66,
  /** A port or a peer cannot be had. */
  unavailable: 69,
  /** A fault of ours. */
  software: 70,
  ioError: 74,
  config: 78,
} as const;
