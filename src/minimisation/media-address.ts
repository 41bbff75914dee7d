import { domainToASCII } from 'node:url';

/** An address of media as an audience may see it. Addresses of hidden servers are sealed: a token below the proxy's own
 *  base address, which only the proxy can open. Gatekeepers see sealed ones of the provider's media, clients sealed
 *  ones of the gatekeeper's, so that neither learns the other's servers.
 *
 *  - `as-is`: nothing to hide.
 *  - `unreadable`: no absolute address; in a place for one it could hide anything.
 *  - `withheld`: of a hidden server, and not available through the proxy.
 *  - `refused`: it has the key of an encrypted file (XEP-0454), which belongs inside the encryption, or one stanza
 *    has too many. */
export type RewrittenAddress =
  | { readonly kind: 'sealed' | 'opened'; readonly address: string }
  | { readonly kind: 'as-is' | 'unreadable' | 'withheld' | 'refused' };

/** The audience that sees an address. */
export interface AddressView {
  readonly audience: 'gatekeeper' | 'client';
  /** Name of the session's gatekeeper in the configuration. */
  readonly gatekeeper: string;
}

/** The scope in which the same address has the same token. */
export interface SealScope {
  readonly context: string;
  /** Period in milliseconds; undefined for the token's lifetime. */
  readonly periodMs: number | undefined;
}

/** Makes and opens tokens. */
export interface MediaSeal {
  /** Returns a token, the same for the same arguments within a period. */
  seal(url: string, view: AddressView, scope: SealScope): string;
  /** Returns the URL that was sealed for this view, expired or not; undefined for other text. */
  unseal(token: string, view: AddressView): string | undefined;
}

export interface MediaAddressOptions {
  /** Absolute base address of tokens, with a slash at its end. */
  readonly base: string;
  /** Origins (scheme, host, port) of the provider's media servers. */
  readonly provider: readonly string[];
  /** Origins of each gatekeeper's media servers, by its name in the configuration. */
  readonly gatekeepers: ReadonlyMap<string, readonly string[]>;
  readonly seal: MediaSeal;
}

/** Longest address that is sealed, in characters: the media route can read its token. */
export const addressCharsMax = 2_048;

/** Bounds of the addresses that are sealed in one stanza. Sealing one costs as much as reading a short message. */
export const sealedAddresses = { min: 5, max: 64, bytesEach: 200 } as const;

/** Returns how many different addresses are sealed in a stanza; one with more is refused. A longer stanza may have more,
 *  so that a byte of it costs no more than a byte of others.
 *  @param stanzaBytes its size as received */
export function sealedAddressesMax(stanzaBytes: number): number {
  const { min, max, bytesEach } = sealedAddresses;
  return Math.min(max, Math.max(min, Math.floor(stanzaBytes / bytesEach)));
}

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

  /** Seals an address that the audience may not see.
   *  @param url the parsed address, `null` for none
   *  @param scope undefined when no more may be sealed: the address is refused instead */
  seal(url: URL | null, view: AddressView, scope: SealScope | undefined): RewrittenAddress {
    if (url === null) return unreadable;
    if (url.protocol === 'aesgcm:') return refused;
    const hidden = view.audience === 'gatekeeper' ? this.#provider : this.#gatekeepers.get(view.gatekeeper);
    if (hidden === undefined || !hidden.hosts.has(hostOf(url))) return asIs;
    // A sealed address is not sealed again, even where the proxy itself is among the servers.
    if (this.#opened(url, view) !== undefined) return asIs;
    const plain = url.username === '' && url.password === '';
    if (!plain || !hidden.origins.has(url.origin) || url.href.length > addressCharsMax) return withheld;
    return scope === undefined
      ? refused
      : { kind: 'sealed', address: this.#base + this.#seal.seal(url.href, view, scope) };
  }

  /** Opens an address that was sealed for this view.
   *  @param url the parsed address, `null` for none */
  open(url: URL | null, view: AddressView): RewrittenAddress {
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

/** Returns the host in the form that DNS compares. The URL parser leaves hosts of other than web schemes unchanged. */
function hostOf({ protocol, hostname }: URL): string {
  const isAscii = protocol === 'https:' || protocol === 'http:';
  const host = isAscii ? hostname : domainToASCII(hostname) || hostname.toLowerCase();
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** Longest scheme that is recognised (they have four letters). */
const schemeCharsMax = 16;

/** Replaces every address in a text by the result of `see`, which receives the address and its start. An address
 *  begins with a scheme and `://`, and ends before white space or a character that no URI has. Punctuation at its
 *  end belongs to the sentence, unless there is none. Reads the text once, however many near addresses it has. */
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

/** Returns whether a character may be in a scheme (RFC 3986 §3.1). */
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
