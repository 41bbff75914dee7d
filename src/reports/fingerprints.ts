/** What still tells one client from another under a policy: fields that name software, device or place and are not
 *  withheld, and treatments that contradict each other. */
import type { Field } from '../policy/catalogue.ts';
import type { Audience } from '../stanza/direction.ts';
import { inEffect, isSeen } from './appearance.ts';
import type { Appearance, ExposureReport } from './exposure.ts';

/** Categories of fields that describe a client rather than what its user does. */
const fingerprintCategories: readonly Field['category'][] = ['device', 'location'];

export interface Fingerprint {
  readonly audience: Audience;
  readonly field: string;
  readonly category: Field['category'];
  readonly reveals: string;
  readonly words: string;
  readonly source: string;
  readonly counted: number | undefined;
}

/** Two fields of which one gives away what the other withholds. */
interface Contradiction {
  readonly withheld: string;
  readonly given: string;
  readonly because: string;
}

const contradictions: readonly Contradiction[] = [
  {
    withheld: 'version.iq',
    given: 'caps.hash',
    because: 'the hash of the capabilities names the software that the version answer withholds',
  },
  {
    withheld: 'version.iq',
    given: 'disco.software-info',
    because: 'the form has name and version of software and system',
  },
  {
    withheld: 'version.iq',
    given: 'disco.identity',
    because: 'the identity has a name, which is that of the software',
  },
  {
    withheld: 'version.iq',
    given: 'disco.features',
    because: 'the list of features is that of one version of the software',
  },
  {
    withheld: 'version.iq',
    given: 'sasl.user-agent.software',
    because: 'the client names its software while it authenticates',
  },
  {
    withheld: 'sasl.user-agent.software',
    given: 'version.iq',
    because: 'the client answers with the name and version that it withheld while it authenticated',
  },
  {
    withheld: 'version.iq',
    given: 'conn.tls-fingerprint',
    because: 'the ClientHello names the TLS library, which few applications share',
  },
  {
    withheld: 'conn.client-ip',
    given: 'call.host-candidate',
    because: 'a call offers addresses of the device',
  },
  {
    withheld: 'version.iq',
    given: 'caps.node',
    because: 'the node of the capabilities is the address of the software',
  },
  {
    withheld: 'version.iq',
    given: 'style.fingerprint',
    because: 'how a stanza is written names the library that wrote it',
  },
];

export interface FingerprintReport {
  readonly policy: string;
  readonly digest: string;
  readonly mode: ExposureReport['mode'];
  readonly counts: ExposureReport['counts'];
  readonly remaining: readonly Fingerprint[];
  readonly contradictions: readonly (Contradiction & { readonly audience: Audience })[];
}

/** Returns what remains, from a report of the exposure under the same policy. */
export function fingerprintReport({ policy, digest, mode, counts, rows }: ExposureReport): FingerprintReport {
  const remaining = rows
    .filter(({ category }) => fingerprintCategories.includes(category))
    .flatMap(({ field, category, reveals, audiences }) =>
      audiencesOf(audiences)
        .map(([audience, appearance]) => [audience, inEffect(mode, appearance)] as const)
        .filter(([, { treatment }]) => isSeen(treatment))
        .map(([audience, { words, source, counted }]) => ({
          audience,
          field,
          category,
          reveals,
          words,
          source,
          counted,
        })),
    );
  const byField = new Map(rows.map((row) => [row.field, row.audiences]));
  const found = contradictions.flatMap((each) => {
    const [withheld, given] = [byField.get(each.withheld), byField.get(each.given)];
    if (withheld === undefined || given === undefined) return [];
    return audiencesOf(withheld)
      .filter(([audience, { treatment }]) => !isSeen(treatment) && isSeen(given[audience].treatment))
      .map(([audience]) => ({ ...each, audience }));
  });
  return { policy, digest, mode, counts, remaining, contradictions: found };
}

function audiencesOf(audiences: Readonly<Record<Audience, Appearance>>): [Audience, Appearance][] {
  return Object.entries(audiences) as [Audience, Appearance][];
}
