/** Texts that the binary protocol encodes as a JID. Any other text with an `@` stays text: a display name such as
 *  `me@home` must not become an address. */
import { deviceServers, interopServer, messengerServer, pairServers } from './values.ts';

export type ChatJid =
  | { readonly kind: 'pair'; readonly user: string; readonly server: string }
  | { readonly kind: 'device'; readonly user: string; readonly device: number; readonly domain: number }
  | { readonly kind: 'messenger'; readonly user: string; readonly device: number; readonly server: string }
  | {
      readonly kind: 'interop';
      readonly user: string;
      readonly device: number;
      readonly integrator: number;
      readonly server: string;
    };

const domains: ReadonlyMap<string, number> = new Map(
  [...deviceServers].map(([domain, server]) => [server, domain]),
);

/** Returns a JID that decodes to exactly this text; undefined for other text. */
export function parseJid(text: string): ChatJid | undefined {
  const at = text.indexOf('@');
  if (at === -1) return undefined;
  const server = text.slice(at + 1);
  if (!pairServers.has(server)) return undefined;
  const local = text.slice(0, at);
  const colon = local.indexOf(':');
  if (server === interopServer)
    return interopJid(local, colon) ?? (colon === -1 ? pair(local, server) : undefined);
  return colon === -1
    ? pair(local, server)
    : withDevice(local.slice(0, colon), local.slice(colon + 1), server);
}

function pair(user: string, server: string): ChatJid {
  return { kind: 'pair', user, server };
}

function withDevice(user: string, deviceText: string, server: string): ChatJid | undefined {
  const device = wholeNumber(deviceText, 0xffff);
  // Some implementations read an agent after an underscore, others drop it.
  if (device === undefined || device === 0 || user === '' || user.includes('_')) return undefined;
  if (server === messengerServer) return { kind: 'messenger', user, device, server };
  const domain = domains.get(server);
  return domain === undefined || device > 0xff ? undefined : { kind: 'device', user, device, domain };
}

/** Parses `integrator-user` or `integrator-user:device`. */
function interopJid(local: string, colon: number): ChatJid | undefined {
  const dash = local.indexOf('-');
  const user = local.slice(dash + 1, colon === -1 ? undefined : colon);
  const integrator = dash === -1 ? undefined : wholeNumber(local.slice(0, dash), 0xffff);
  const device = colon === -1 ? 0 : wholeNumber(local.slice(colon + 1), 0xffff);
  if (integrator === undefined || device === undefined || user === '') return undefined;
  // The text leaves device 0 out.
  if (colon !== -1 && (device === 0 || colon < dash)) return undefined;
  return { kind: 'interop', user, device, integrator, server: interopServer };
}

/** Returns a number without leading zeros, up to `max`; undefined for other text. */
function wholeNumber(text: string, max: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
