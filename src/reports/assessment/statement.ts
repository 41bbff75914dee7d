/** Questions of a data-protection impact assessment, and what this product can answer of them. */
import { isChanged, isSeen, isWithheld } from '../appearance.ts';
import type { ExposureReport, ExposureRow } from '../exposure.ts';
import type { FingerprintReport } from '../fingerprints.ts';

/** Where a statement can be verified.
 *  - `policy`: a line of a policy file.
 *  - `figure`: a member of this report in JSON.
 *  - `metric`, `document`, `test`: by name, in the running proxy or in the project.
 *  - `law`: the text that asks.
 *  - `controller`: nothing in this product says it; the controller has to. */
export interface Source {
  readonly kind: 'policy' | 'figure' | 'metric' | 'document' | 'test' | 'law' | 'controller';
  readonly at: string;
}

export interface Statement {
  readonly text: string;
  readonly source: Source;
}

export interface Answer {
  readonly id: string;
  /** The provision that asks: a point of Art. 35(7) GDPR, with the criterion of WP248 rev.01, Annex 2. */
  readonly basis: string;
  readonly question: string;
  readonly statements: readonly Statement[];
}

/** What the answers are computed from. */
export interface AssessmentFacts {
  readonly exposure: ExposureReport;
  readonly fingerprints: FingerprintReport;
  readonly figures: AssessmentFigures;
}

/** Every figure that a statement has, by the name under which it stands in the report. */
export interface AssessmentFigures {
  readonly fields: number;
  readonly gatekeeperSees: number;
  readonly gatekeeperSeesChanged: number;
  readonly gatekeeperWithheld: number;
  /** Fields that nothing carries to the gatekeeper. */
  readonly gatekeeperUnreached: number;
  readonly providerSees: number;
  readonly operatorSees: number;
  readonly clientWithheld: number;
  readonly reasonsGiven: number;
  readonly fingerprintsAtGatekeeper: number;
  readonly exceptions: number;
  readonly exceptionsExpired: number;
}

export interface Question extends Omit<Answer, 'statements'> {
  readonly answer: (facts: AssessmentFacts) => readonly Statement[];
}

export function figuresOf(exposure: ExposureReport, { remaining }: FingerprintReport): AssessmentFigures {
  const { rows, exceptions } = exposure;
  const count = (test: (row: ExposureRow) => boolean): number => rows.filter(test).length;
  return {
    fields: rows.length,
    gatekeeperSees: count(({ audiences }) => audiences.gatekeeper.treatment === 'keep'),
    gatekeeperSeesChanged: count(({ audiences }) => isChanged(audiences.gatekeeper.treatment)),
    gatekeeperWithheld: count(({ audiences }) => isWithheld(audiences.gatekeeper.treatment)),
    gatekeeperUnreached: count(({ audiences }) => audiences.gatekeeper.treatment === 'absent'),
    providerSees: count(({ audiences }) => isSeen(audiences.provider.treatment)),
    operatorSees: count(({ audiences }) => isSeen(audiences.operator.treatment)),
    clientWithheld: count(({ audiences }) => isWithheld(audiences.client.treatment)),
    reasonsGiven: count(({ audiences }) => Object.values(audiences).some(({ why }) => why !== '')),
    fingerprintsAtGatekeeper: remaining.filter(({ audience }) => audience === 'gatekeeper').length,
    exceptions: exceptions.length,
    exceptionsExpired: exceptions.filter(({ expired }) => expired).length,
  };
}
