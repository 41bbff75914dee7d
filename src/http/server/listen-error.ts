/** A port that cannot be opened, with the remedy. */

/** The same codes as for stream listeners. */
export type ListenErrorCode =
  'ERR_PORT_IN_USE' | 'ERR_PORT_PERMISSION' | 'ERR_ADDRESS_NOT_AVAILABLE' | 'ERR_LISTEN';

export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;
  readonly host: string;
  readonly port: number;

  /** @param where address and port of the configuration */
  constructor(cause: NodeJS.ErrnoException, where: { readonly host: string; readonly port: number }) {
    super(`cannot listen on ${where.host} port ${where.port} (${cause.code ?? 'unknown reason'})`, { cause });
    this.code = codes[cause.code ?? ''] ?? 'ERR_LISTEN';
    this.host = where.host;
    this.port = where.port;
  }
}

const codes: Readonly<Record<string, ListenErrorCode>> = {
  EADDRINUSE: 'ERR_PORT_IN_USE',
  EACCES: 'ERR_PORT_PERMISSION',
  EADDRNOTAVAIL: 'ERR_ADDRESS_NOT_AVAILABLE',
  EAFNOSUPPORT: 'ERR_ADDRESS_NOT_AVAILABLE',
  ENOTFOUND: 'ERR_ADDRESS_NOT_AVAILABLE',
};
