/** The assessment pack (Art. 35(7) GDPR): every question with its answers, their sources, and the figures in them. */
import { isSeen } from '../appearance.ts';
import type { ReportDocument, ReportSection } from '../document.ts';
import type { ExposureReport } from '../exposure.ts';
import { fingerprintReport } from '../fingerprints.ts';
import { description } from './description.ts';
import { categories, figuresOf, type AssessmentFigures } from './figures.ts';
import { measures, risksByLever } from './measures.ts';
import { attested, necessity } from './necessity.ts';
import { risks, risksByCategory } from './risks.ts';
import type { Answer, AssessedDeployment, Question } from './statement.ts';

const questions: readonly Question[] = [...description, ...necessity, ...risks, ...measures];

export interface AssessmentReport extends ExposureReport {
  readonly figures: AssessmentFigures;
  readonly answers: readonly Answer[];
}

/** Answers every question from a report of the exposure.
 *  @param deployment undefined for a policy alone */
export function assessmentReport(
  exposure: ExposureReport,
  deployment?: AssessedDeployment,
): AssessmentReport {
  const { remaining } = fingerprintReport(exposure);
  const figures = figuresOf(exposure, remaining.filter(({ audience }) => audience === 'gatekeeper').length);
  return {
    ...exposure,
    figures,
    answers: questions.map(({ id, basis, question, answer }) => ({
      id,
      basis,
      question,
      statements: answer({ exposure, figures, deployment }),
    })),
  };
}

const parts: readonly (readonly [letter: string, title: string])[] = [
  ['a', 'Description of the processing'],
  ['b', 'Necessity and proportionality'],
  ['c', 'Risks to the rights and freedoms of users'],
  ['d', 'Measures'],
];

/** Whether the controller has to answer or complete an answer. */
export function isOpen({ statements }: Answer): boolean {
  return statements.some(({ source }) => source.kind === 'controller');
}

export function assessmentDocument(report: AssessmentReport): ReportDocument {
  return {
    title: 'Data-protection impact assessment: what the proxy can answer',
    facts: [
      ['policy', report.policy],
      ['digest', report.digest],
      ['mode', report.mode],
      ...(report.counts === null ? [] : [['counts', report.counts] satisfies [string, string]]),
      ['questions', String(report.answers.length)],
      [
        'questions that the controller has to answer or complete',
        String(report.answers.filter(isOpen).length),
      ],
    ],
    alarm: report.mode === 'shadow' ? 'This policy is in shadow: it withholds nothing.' : undefined,
    sections: [
      remainingSection(report),
      ...parts.map(([letter, title]) => answersSection(report, letter, title)),
      necessitySection(report),
      leversSection(report),
      fieldsSection(report),
    ],
  };
}

/** Draws how much of each category reaches the gatekeeper. */
function remainingSection({ figures: { byCategory } }: AssessmentReport): ReportSection {
  return {
    title: 'What reaches the gatekeeper, by category',
    bars: categories.map((category) => {
      const { sees, changed, withheld } = byCategory[category];
      return {
        label: `${category}: ${risksByCategory[category].learns}`,
        parts: [
          { name: 'as it is', count: sees },
          { name: 'in a changed form', count: changed },
          { name: 'not at all', count: withheld },
        ],
      };
    }),
  };
}

function answersSection({ answers }: AssessmentReport, letter: string, title: string): ReportSection {
  const asked = answers.filter(({ id }) => id.startsWith(letter));
  return {
    title,
    table: {
      columns: ['no.', 'asked by', 'question', 'answer', 'source'],
      rows: asked.flatMap(({ id, basis, question, statements }) =>
        statements.map(({ text, source }, index) => [
          index === 0 ? id : '',
          index === 0 ? basis : '',
          index === 0 ? question : '',
          text,
          `${source.kind}: ${source.at}`,
        ]),
      ),
    },
  };
}

/** What reaches the gatekeeper, why it has to, and what fails without it. */
function necessitySection({ rows }: AssessmentReport): ReportSection {
  return {
    title: 'Necessity',
    text: 'Attested by the catalogue: why a kind of metadata has to reach the gatekeeper. The last but one column has the reason of the author of the policy.',
    table: {
      columns: [
        'field',
        'appears as',
        'attested necessity',
        'what fails without it',
        'reason given',
        'source',
      ],
      rows: rows
        .filter(({ audiences }) => isSeen(audiences.gatekeeper.treatment))
        .map((row) => {
          const { words, why, source } = row.audiences.gatekeeper;
          return [row.field, words, attested(row).join('; '), row.breaks, why, source];
        }),
    },
  };
}

/** Each field that is changed or withheld for the gatekeeper, with the risk that this mitigates. */
function leversSection({ rows }: AssessmentReport): ReportSection {
  return {
    title: 'Levers',
    table: {
      columns: ['field', 'lever', 'against the risk that', 'by which the gatekeeper could learn', 'source'],
      rows: rows.flatMap(({ field, category, reveals, audiences }) => {
        const { treatment, words, source } = audiences.gatekeeper;
        if (treatment === 'keep' || treatment === 'absent') return [];
        return [
          [field, words, risksByLever[treatment], `${risksByCategory[category].learns}: ${reveals}`, source],
        ];
      }),
    },
  };
}

function fieldsSection({ rows, counts }: AssessmentReport): ReportSection {
  return {
    title: 'Fields',
    table: {
      columns: [
        'field',
        'category',
        'reveals',
        'gatekeeper',
        'client',
        'provider',
        'operator',
        ...(counts === null ? [] : ['counted for the gatekeeper']),
      ],
      rows: rows.map(({ field, category, reveals, audiences }) => [
        field,
        category,
        reveals,
        audiences.gatekeeper.words,
        audiences.client.words,
        audiences.provider.words,
        audiences.operator.words,
        ...(counts === null ? [] : [String(audiences.gatekeeper.counted ?? 0)]),
      ]),
    },
  };
}
