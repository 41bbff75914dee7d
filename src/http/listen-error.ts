/** A port that cannot be opened, in words an operator can act on. */

/** Why a port could not be opened. ERRORS.md is checked against this table. */
export const listenErrors = {
  ERR_PORT_IN_USE: {
    cause: 'Another process, or another part of this one, listens on the port already.',
    wayOut: 'Stop it (`ss -ltnp` shows which it is), or choose another port.',
  },
  ERR_PORT_FORBIDDEN: {
    cause: 'The system does not let this user open the port.',
    wayOut: 'Choose a port above 1023, or grant CAP_NET_BIND_SERVICE.',
  },
  ERR_ADDRESS_NOT_AVAILABLE: {
    cause: 'The address is none of this machine.',
    wayOut: 'Use an address of the machine, or `::` or `0.0.0.0` for all.',
  },
  ERR_LISTEN: {
    cause: 'The port could not be opened for a rarer reason.',
    wayOut: 'The errno beside the message tells more.',
  },
} as const satisfies Readonly<Record<string, { cause: string; wayOut: string }>>;

export type ListenErrorCode = keyof typeof listenErrors;

export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;
  readonly host: string;
  readonly port: number;

  /** @param where as configured. */
  constructor(cause: NodeJS.ErrnoException, where: { readonly host: string; readonly port: number }) {
    super(`cannot listen on ${where.host} port ${where.port} (${cause.code ?? 'unknown reason'})`, { cause });
    this.code = codes[cause.code ?? ''] ?? 'ERR_LISTEN';
    this.host = where.host;
    this.port = where.port;
  }
}

const codes: Readonly<Record<string, ListenErrorCode>> = {
  EADDRINUSE: 'ERR_PORT_IN_USE',
  EACCES: 'ERR_PORT_FORBIDDEN',
  EADDRNOTAVAIL: 'ERR_ADDRESS_NOT_AVAILABLE',
  EAFNOSUPPORT: 'ERR_ADDRESS_NOT_AVAILABLE',
  ENOTFOUND: 'ERR_ADDRESS_NOT_AVAILABLE',
};
