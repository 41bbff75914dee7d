/** Triples of policy, stanza and direction, for sessions at two gatekeepers with a policy each. They come in blocks of one
 *  deployment, since compiling a policy costs as much as a hundred stanzas. */
import { readCatalogue, directions, type Catalogue, type Direction } from '../reference/catalogue.ts';
import { PseudonymScheme } from '../reference/pseudonyms.ts';
import type { Session } from '../reference/language.ts';
import type { Element } from '../reference/tree.ts';
import { Random } from '../support/random.ts';
import { generatePolicy, type Documents } from './policies.ts';
import { gatekeepers, generateSession, media, moment, now, secret } from './sessions.ts';
import { materialOf, StanzaGenerator, type Material } from './stanzas.ts';
import { Values } from './values.ts';

export const blockTriples = 1_000;
const sessionsPerBlock = 8;

/** One stanza of one session. */
export interface Triple {
  /** The policies of all gatekeepers, by gatekeeper. */
  readonly policies: Readonly<Record<string, Documents>>;
  readonly stanza: Element;
  readonly direction: Direction;
  /** Number of the session in its block. */
  readonly number: number;
  /** The session as it is when the stanza comes. */
  readonly session: Session;
}

export class TripleGenerator {
  readonly catalogue: Catalogue = readCatalogue();
  readonly #material: Material = materialOf(this.catalogue);
  readonly #pseudonyms = new PseudonymScheme(secret);

  /** Makes one block. The same seed and number give the same block. */
  block(seed: number, block: number): readonly Triple[] {
    const random = new Random(Math.imul(seed, 0x9e37_79b1) + block);
    const policies = Object.fromEntries(
      gatekeepers.map((each) => [each, generatePolicy({ catalogue: this.catalogue, random })]),
    );
    const sessions = Array.from({ length: sessionsPerBlock }, (_, number) =>
      generateSession(random, random.pick(gatekeepers), number),
    );
    const returned = this.#returned(random, sessions);
    const values = new Values(random, returned, sealedAddresses(random));
    const stanzas = new StanzaGenerator(this.#material, random, values);
    const bound = random.once(2) ? 'bound' : random.pick(returned.get('bind.resource')!);
    return Array.from({ length: blockTriples }, () => {
      const number = random.below(sessions.length);
      const session = moment(sessions[number]!, random, bound);
      return { policies, stanza: stanzas.stanza(), direction: random.pick(directions), number, session };
    });
  }

  /** Pseudonyms of these sessions that could come back, by field. */
  #returned(random: Random, sessions: readonly Session[]): ReadonlyMap<string, readonly string[]> {
    const fields = [...this.catalogue.fields.values()].filter(
      ({ permits, value }) => permits.includes('pseudonymise') && value !== 'url',
    );
    const account = 'me@provider.example';
    const make = (field: string): string => {
      const { session, gatekeeper } = random.pick(sessions);
      const [scope, scopeValue] = random.pick([
        ['session', session], ['account', account], ['conversation', `${account} a@b.example`], ['gatekeeper', gatekeeper],
      ] as const); // prettier-ignore
      const days = Math.floor(now / 86_400_000 / random.pick([1, 30]));
      const period = random.once(2) ? 0 : days - random.below(2);
      return this.#pseudonyms.hide(random.pick(['laptop', 'm1']), { field, scope, scopeValue, period })!;
    };
    return new Map(fields.map(({ name }) => [name, Array.from({ length: 8 }, () => make(name))]));
  }
}

function sealedAddresses(random: Random): string[] {
  return Array.from({ length: 6 }, () => {
    const viewer = `${random.pick(['gatekeeper', 'client'])} ${random.pick(gatekeepers)}`;
    return (
      media.base +
      media.seal(
        random.pick([
          'https://media.provider.example/u/17/a.jpg',
          'https://up.gatekeeper.example/f',
          'https://elsewhere.example/',
        ]),
        viewer,
        'session x',
        undefined,
      )
    );
  });
}
