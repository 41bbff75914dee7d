/** Addresses (RFC 7622) for a simulator with ASCII accounts: split, case-folded, compared. */
export interface Jid {
  /** '' for a domain. */
  readonly local: string;
  readonly domain: string;
  /** '' for a bare JID. */
  readonly resource: string;
}

const partBytesMax = 1023;
/** RFC 7622 §3.3.1, and white space, which no PRECIS identifier may hold. */
const forbiddenInLocal = /["&'/:<>@\s\p{Cc}]/u;
const forbiddenInDomain = /["&'/<>@\s\p{Cc}]/u;

/** Parses a JID; undefined for other text. */
export function parseJid(text: string): Jid | undefined {
  const slash = text.indexOf('/');
  const bare = slash === -1 ? text : text.slice(0, slash);
  const resource = slash === -1 ? undefined : text.slice(slash + 1);
  const at = bare.indexOf('@');
  const local = at === -1 ? undefined : prepareLocal(bare.slice(0, at));
  const domain = prepareDomain(bare.slice(at + 1));
  if (domain === undefined || (at !== -1 && local === undefined)) return undefined;
  if (resource !== undefined && prepareResource(resource) === undefined) return undefined;
  return { local: local ?? '', domain, resource: resource?.normalize('NFC') ?? '' };
}

/** Returns a localpart in the form for comparison; undefined for other text. */
export function prepareLocal(text: string): string | undefined {
  const prepared = text.normalize('NFC').toLowerCase();
  return isPart(prepared) && !forbiddenInLocal.test(prepared) ? prepared : undefined;
}

/** Returns a resourcepart; undefined for other text. */
export function prepareResource(text: string): string | undefined {
  const prepared = text.normalize('NFC');
  return isPart(prepared) && !/\p{Cc}/u.test(prepared) ? prepared : undefined;
}

function prepareDomain(text: string): string | undefined {
  const prepared = text.normalize('NFC').toLowerCase().replace(/\.$/, '');
  return isPart(prepared) && !forbiddenInDomain.test(prepared) ? prepared : undefined;
}

function isPart(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= partBytesMax;
}

export function formatJid({ local, domain, resource }: Jid): string {
  return `${local === '' ? '' : `${local}@`}${domain}${resource === '' ? '' : `/${resource}`}`;
}

export function bareJid({ local, domain }: Jid): string {
  return formatJid({ local, domain, resource: '' });
}
