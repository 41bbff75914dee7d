/** Addresses of the chat channel: `user[:device]@server`; device 0 is left out. */

export interface ChatAddress {
  /** '' for a server. */
  readonly user: string;
  /** 0 to 255. */
  readonly device: number;
  readonly server: string;
}

/** The server of users of the gatekeeper's own app, and of its services. */
export const ownServer = 's.whatsapp.net';
export const groupServer = 'g.us';
/** The server of third parties' users, whose name is `<integrator>-<number>`. */
export const interopServer = 'interop';

const deviceMax = 255;

/** Parses an address; undefined for other text. */
export function parseAddress(text: string): ChatAddress | undefined {
  const parts = /^(?:([^@:]+)(?::([1-9][0-9]{0,2}))?@)?([^@:]+)$/.exec(text);
  if (parts === null) return undefined;
  const [, user = '', device = '0', server = ''] = parts;
  return Number(device) > deviceMax ? undefined : { user, device: Number(device), server };
}

/** Returns the text of a user's address with this device. */
export function deviceAddress(user: string, device: number): string {
  const at = user.indexOf('@');
  return device === 0 ? user : `${user.slice(0, at)}:${device}${user.slice(at)}`;
}

/** Returns the text without the device. */
export function userAddress({ user, server }: ChatAddress): string {
  return user === '' ? server : `${user}@${server}`;
}
