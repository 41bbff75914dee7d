/** The assessment pack (Art. 35(7) GDPR): every question with its answers, their sources, and the figures in them. */
import type { ReportDocument, ReportSection } from '../document.ts';
import type { ExposureReport } from '../exposure.ts';
import { fingerprintReport } from '../fingerprints.ts';
import { categoriesOf, questions } from './questions.ts';
import { figuresOf, type Answer, type AssessmentFigures } from './statement.ts';

export interface AssessmentReport {
  readonly policy: string;
  readonly digest: string;
  readonly mode: ExposureReport['mode'];
  readonly unlisted: ExposureReport['unlisted'];
  readonly counts: ExposureReport['counts'];
  readonly figures: AssessmentFigures & { readonly categories: readonly string[] };
  readonly answers: readonly Answer[];
  readonly rows: ExposureReport['rows'];
  readonly exceptions: ExposureReport['exceptions'];
}

/** Answers every question from a report of the exposure. */
export function assessmentReport(exposure: ExposureReport): AssessmentReport {
  const fingerprints = fingerprintReport(exposure);
  const figures = figuresOf(exposure, fingerprints);
  const { policy, digest, mode, unlisted, counts, rows, exceptions } = exposure;
  return {
    policy,
    digest,
    mode,
    unlisted,
    counts,
    figures: { ...figures, categories: categoriesOf(exposure) },
    answers: questions.map(({ id, basis, question, answer }) => ({
      id,
      basis,
      question,
      statements: answer({ exposure, fingerprints, figures }),
    })),
    rows,
    exceptions,
  };
}

const parts: readonly (readonly [letter: string, title: string])[] = [
  ['a', 'Description of the processing'],
  ['b', 'Necessity and proportionality'],
  ['c', 'Risks to the rights and freedoms of users'],
  ['d', 'Measures'],
];

export function assessmentDocument(report: AssessmentReport): ReportDocument {
  const open = report.answers.filter(({ statements }) =>
    statements.some(({ source }) => source.kind === 'controller'),
  );
  return {
    title: 'Data-protection impact assessment: what the proxy can answer',
    facts: [
      ['policy', report.policy],
      ['digest', report.digest],
      ['mode', report.mode],
      ...(report.counts === null ? [] : [['counts', report.counts] satisfies [string, string]]),
      ['questions', String(report.answers.length)],
      ['questions that the controller has to answer or complete', String(open.length)],
    ],
    alarm: report.mode === 'shadow' ? 'This policy is in shadow: it withholds nothing.' : undefined,
    sections: [
      ...parts.map(([letter, title]) => answersSection(report, letter, title)),
      {
        title: 'Fields',
        table: {
          columns: ['field', 'category', 'reveals', 'gatekeeper', 'client', 'provider', 'operator'],
          rows: report.rows.map(({ field, category, reveals, audiences }) => [
            field,
            category,
            reveals,
            audiences.gatekeeper.words,
            audiences.client.words,
            audiences.provider.words,
            audiences.operator.words,
          ]),
        },
      },
    ],
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
