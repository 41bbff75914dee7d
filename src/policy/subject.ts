/** A gatekeeper and an account of it, which choose the policies. */
export interface PolicySubject {
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  /** Which of the gatekeeper's policies is for the account: 0 for the usual one, n for the nth share. Undefined while the
   *  account is not known; of each field the strictest holds then. */
  readonly share?: number | undefined;
  /** Which decisions the session has had in an interval, one bit for each row; undefined outside of a session. */
  readonly seen?: { bits(interval: number, rows: number): Uint32Array };
}
