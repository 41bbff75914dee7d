/** Values that generated stanzas have, by the type that the catalogue gives a field. */
import type { Random } from '../support/random.ts';

export const accounts = ['me@provider.example', 'Me@Provider.example'] as const;
const contacts = ['romeo@montague.example', 'juliet@partner.example', 'a@b.example'] as const;
const resources = ['laptop', 'phone', 'bound', 'a&b'] as const;

const times = [
  '2026-03-10T23:41:07Z',
  '2026-03-10T23:41:07.512+02:00',
  '20260310T23:41:07',
  '2026-13-40T99:00:00Z',
  'today',
  '90311',
] as const;
const numbers = ['0', '1', '83121', '1.5', '-4', '007', 'x', ''] as const;
const languages = ['de', 'de-AT', 'x', 'pt-BR', 'toolonglanguage', ''] as const;
const identifiers = ['m1', 'i1', '3EB0C0FFEE', 'd4565fa7-4d72-4749-b3d3-740edbf87770', 'é😀', ''] as const;
const words = ['marker', 'hi', 'x y', 'é😀z', '<&>', 'it\'s "so"', ' '] as const;
const media = 'https://media.provider.example';
const upload = 'https://up.gatekeeper.example';
const addresses = [
  `${media}/u/17/a.jpg`, `${media}/é?x=1#y`, `${media}:444/a`, 'https://MEDIA.provider.example./a', `https://u:p@media.provider.example/a`,
  `ftp://media.provider.example/a`, `${upload}/f`, `${upload}/g.png`, 'https://elsewhere.example/', 'aesgcm://media.provider.example/a#00', 'no address', '',
] as const; // prettier-ignore

/** Makes values. */
export class Values {
  readonly #random: Random;
  /** Pseudonyms that may come back, by field, and sealed addresses. */
  readonly #returned: ReadonlyMap<string, readonly string[]>;
  readonly #sealed: readonly string[];

  constructor(random: Random, returned: ReadonlyMap<string, readonly string[]>, sealed: readonly string[]) {
    this.#random = random;
    this.#returned = returned;
    this.#sealed = sealed;
  }

  /** @param field whose pseudonyms may be among the values */
  of(type: string, field?: string): string {
    const random = this.#random;
    switch (type) {
      case 'time':
        return random.pick(times);
      case 'seconds':
      case 'bytes':
      case 'number':
        return random.pick(numbers);
      case 'language':
        return random.pick(languages);
      case 'identifier':
      case 'uuid':
        return this.#identifier(field);
      case 'resource':
        return this.#resource();
      case 'jid':
        return this.jid();
      case 'url':
        return this.#address();
      default:
        return random.once(8) ? this.#sentence() : random.pick(words);
    }
  }

  #identifier(field: string | undefined): string {
    return this.#random.once(3) ? this.#pseudonym(field) : this.#random.pick(identifiers);
  }

  #pseudonym(field: string | undefined): string {
    const random = this.#random;
    const known = field === undefined ? undefined : this.#returned.get(field);
    return random.pick(known ?? random.pick([...this.#returned.values()]));
  }

  jid(): string {
    const random = this.#random;
    const bare = random.once(2) ? random.pick(accounts) : random.pick(contacts);
    if (random.once(3)) return bare;
    return random.once(10) ? `${bare}/` : `${bare}/${this.#resource()}`;
  }

  uri(): string {
    const random = this.#random;
    if (random.once(10)) return 'https://elsewhere.example/';
    return `xmpp:${random.once(6) ? '//me@b.example/' : ''}${encodeURI(this.jid()).replaceAll('&', '%26')}${random.once(3) ? '?message' : ''}`;
  }

  #resource(): string {
    return this.#random.once(4) ? this.#pseudonym('bind.resource') : this.#random.pick(resources);
  }

  #address(): string {
    return this.#random.once(5) && this.#sealed.length > 0
      ? this.#random.pick(this.#sealed)
      : this.#random.pick(addresses);
  }

  #sentence(): string {
    const random = this.#random;
    let text = '';
    for (let count = 1 + random.below(4); count > 0; count -= 1)
      text +=
        (random.once(2) ? this.#address() : random.pick(words)) + random.pick([' ', ', ', '. ', '\n', '']);
    return text;
  }
}
