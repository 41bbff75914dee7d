import { domainToASCII } from 'node:url';

/** Addresses of media, sealed for an audience that may not see them: a token under the proxy's own base address, from
 *  which only the proxy reads the address again. Gatekeepers are shown sealed ones of the provider's media, clients
 *  sealed ones of the gatekeeper's, so that neither meets the other's servers.
 *
 *  `as-is`: nothing to hide. `unreadable`: no absolute address, which in a place for one could hide anything.
 *  `withheld`: of a hidden server, and not to be had through the proxy. `refused`: it holds the key of an encrypted
 *  file (XEP-0454), which belongs inside the encryption and is no address of ours to change. */
export type RewrittenAddress =
  | { readonly kind: 'sealed' | 'opened'; readonly address: string }
  | { readonly kind: 'as-is' | 'unreadable' | 'withheld' | 'refused' };

/** For whom an address is seen. */
export interface AddressView {
  readonly audience: 'gatekeeper' | 'client';
  /** The operator's name for the gatekeeper of the session. */
  readonly gatekeeper: string;
}

/** Within what the same address has the same seal. */
export interface SealScope {
  readonly context: string;
  /** How long, in milliseconds; undefined for the token's lifetime. */
  readonly periodMs: number | undefined;
}

/** Makes and reads tokens. */
export interface MediaSeal {
  /** The same for the same arguments, within a period. */
  seal(url: string, view: AddressView, scope: SealScope): string;
  /** What was sealed for this view, expired or not; undefined for anything else. */
  unseal(token: string, view: AddressView): string | undefined;
}

export interface MediaAddressOptions {
  /** Absolute, with a slash at its end: what is put before a token. */
  readonly base: string;
  /** Origins (scheme, host, port) of the provider's media servers. */
  readonly provider: readonly string[];
  /** Those of each gatekeeper's, by the operator's name for it. */
  readonly gatekeepers: ReadonlyMap<string, readonly string[]>;
  readonly seal: MediaSeal;
}

/** Longest address that is sealed, in characters: its token is no longer than the media route reads. */
export const addressCharsMax = 2_048;

/** Addresses that are sealed in one stanza; one with more is refused. Each costs as much as reading many stanzas. */
export const sealedAddressesMax = 64;

interface Servers {
  readonly origins: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
}

export class MediaAddresses {
  readonly #base: string;
  readonly #seal: MediaSeal;
  readonly #provider: Servers;
  readonly #gatekeepers: ReadonlyMap<string, Servers>;

  constructor({ base, provider, gatekeepers, seal }: MediaAddressOptions) {
    this.#base = base;
    this.#seal = seal;
    this.#provider = servers(provider);
    this.#gatekeepers = new Map([...gatekeepers].map(([name, origins]) => [name, servers(origins)]));
  }

  /** What an audience may see of an address. */
  seal(address: string, view: AddressView, scope: SealScope): RewrittenAddress {
    const url = URL.parse(address);
    if (url === null) return unreadable;
    if (url.protocol === 'aesgcm:') return refused;
    const hidden = view.audience === 'gatekeeper' ? this.#provider : this.#gatekeepers.get(view.gatekeeper);
    if (hidden === undefined || !hidden.hosts.has(hostOf(url))) return asIs;
    // What was sealed already is not sealed again, also where the proxy itself is among the servers.
    if (this.#opened(url, view) !== undefined) return asIs;
    const plain = url.username === '' && url.password === '';
    if (!plain || !hidden.origins.has(url.origin) || url.href.length > addressCharsMax) return withheld;
    return { kind: 'sealed', address: this.#base + this.#seal.seal(url.href, view, scope) };
  }

  /** What was sealed for this view becomes the address again. */
  open(address: string, view: AddressView): RewrittenAddress {
    const url = URL.parse(address);
    const opened = url === null ? undefined : this.#opened(url, view);
    return opened === undefined ? asIs : { kind: 'opened', address: opened };
  }

  #opened({ href }: URL, view: AddressView): string | undefined {
    return href.startsWith(this.#base) ? this.#seal.unseal(href.slice(this.#base.length), view) : undefined;
  }
}

const asIs: RewrittenAddress = { kind: 'as-is' };
const unreadable: RewrittenAddress = { kind: 'unreadable' };
const withheld: RewrittenAddress = { kind: 'withheld' };
const refused: RewrittenAddress = { kind: 'refused' };

function servers(origins: readonly string[]): Servers {
  const urls = origins.map((origin) => new URL(origin));
  return { origins: new Set(urls.map(({ origin }) => origin)), hosts: new Set(urls.map(hostOf)) };
}

/** As DNS compares names; of schemes that are not the web's the parser leaves them as they were. */
function hostOf({ hostname }: URL): string {
  const host = domainToASCII(hostname) || hostname.toLowerCase();
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** Longest scheme that is looked for (they have four letters). */
const schemeCharsMax = 16;

/** Text with every address in it replaced by `see`, which receives its start: what begins with a scheme and
 *  `://` and ends before white space or what cannot be in an address; the punctuation after it belongs to the sentence,
 *  unless there is no sentence. One pass, however much of it is nearly an address. */
export function replaceAddresses(text: string, see: (address: string, start: number) => string): string {
  const ending = /[\s<>"]/g;
  const first = text.length - text.trimStart().length;
  const last = text.trimEnd().length;
  let result = '';
  let done = 0;
  for (let mark = text.indexOf('://'); mark !== -1; mark = text.indexOf('://', Math.max(done, mark + 3))) {
    let start = mark;
    while (start > done && mark - start < schemeCharsMax && isSchemeCharacter(text.charCodeAt(start - 1)))
      start -= 1;
    ending.lastIndex = mark + 3;
    let end = ending.exec(text)?.index ?? text.length;
    if (start !== first || end !== last) while (end > mark + 3 && punctuation.has(text[end - 1]!)) end -= 1;
    result += text.slice(done, start) + see(text.slice(start, end), start);
    done = end;
  }
  return done === 0 ? text : result + text.slice(done);
}

const punctuation: ReadonlySet<string> = new Set(".,;:!?)]}'*_~»’”");

/** RFC 3986 §3.1. */
function isSchemeCharacter(code: number): boolean {
  const letter = code | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2d ||
    code === 0x2e
  );
}
