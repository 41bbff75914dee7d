import { describe, expect, it } from 'vitest';
import { SimulatorError } from '../../../src/simulator/error.ts';
import { answer } from '../../../src/simulator/http/message.ts';
import { Telling, type Step } from '../../../src/simulator/story/telling.ts';
import { formatOutcome, formatStep } from '../../../src/simulator/story/transcript.ts';

const plain = { width: 60, colour: false };

function told(): { readonly steps: Step[]; readonly telling: Telling } {
  const steps: Step[] = [];
  return { steps, telling: new Telling((step) => steps.push(step)) };
}

describe('a story', () => {
  it('goes on when a statement fails', async () => {
    const { steps, telling } = told();
    telling.act('Act');
    await telling.step('one', async (notes) => notes.finds(false, 'a'));
    await telling.step('two', async (notes) => notes.finds(true, 'b'));
    expect(steps.map(({ number, act, title }) => [number, act, title])).toEqual([
      [1, 'Act', 'one'],
      [2, undefined, 'two'],
    ]);
    expect(telling.outcome).toEqual({ findings: 2, failed: 1, complete: true });
  });

  it('ends with a step that cannot be played, and states why', async () => {
    const { steps, telling } = told();
    await telling.step('one', async () => {
      throw new SimulatorError('ERR_SIMULATOR_TIMEOUT', 'nothing came');
    });
    await telling.step('two', async (notes) => notes.finds(true, 'b'));
    expect(steps.map(({ findings }) => findings)).toEqual([
      [{ holds: false, text: 'ERR_SIMULATOR_TIMEOUT: nothing came' }],
    ]);
    expect(telling.outcome).toEqual({ findings: 1, failed: 1, complete: false });
  });

  it('does not hide a fault of its own', async () => {
    const fault = told().telling.step('one', async () => {
      throw new TypeError('ours');
    });
    await expect(fault).rejects.toThrow('ours');
  });
});

describe('a step on the screen', () => {
  const step: Step = {
    number: 7,
    act: 'Juliet opts in',
    title: 'She enlists, with a title that is too long for one line of sixty columns',
    passages: [
      {
        kind: 'answer',
        from: 'the gatekeeper',
        to: "Juliet's app",
        sent: answer(201, { id: 'e/1', status: 'active' }, [['Server', 'edge']]),
        received: answer(201, { status: 'active' }),
      },
      {
        kind: 'stanza',
        from: "Juliet's app",
        to: 'the gatekeeper',
        sent: `<presence xmlns='jabber:client'/>`,
        received: undefined,
      },
    ],
    findings: [
      { holds: true, text: 'she was told that, and the sentence that says so goes over two lines' },
      { holds: false, text: 'and no more' },
    ],
  };

  it('shows before and after, and the statements', () => {
    expect(formatStep(step, plain)).toEqual([
      'Juliet opts in',
      '──────────────',
      '',
      ' 7  She enlists, with a title that is too long for one line',
      '    of sixty columns',
      '',
      "    the gatekeeper ─▶ Narthex ─▶ Juliet's app",
      '      HTTP 201',
      '      content-type: application/json',
      '    - server: edge',
      '      {',
      '    -   "id": "e/1",',
      '        "status": "active"',
      '      }',
      '',
      "    Juliet's app ─▶ Narthex ─▶ the gatekeeper",
      `    - <presence xmlns='jabber:client'/>`,
      '      nothing arrived',
      '',
      '    ✓ she was told that, and the sentence that says so goes',
      '      over two lines',
      '    ✗ and no more',
      '',
    ]);
  });

  it('is coloured where that is wanted', () => {
    const text = formatStep(step, { ...plain, colour: true }).join('\n');
    expect(text).toContain('\u001b[31m✗');
    expect(text).toContain('\u001b[32m✓');
  });

  it('shortens long new values to their beginning', () => {
    const items = Array.from({ length: 30 }, (_, index) => `<item n='${index}'/>`).join('');
    const passages: Step['passages'] = [
      {
        kind: 'stanza',
        from: "Juliet's app",
        to: 'the gatekeeper',
        sent: `<iq xmlns='jabber:client'/>`,
        received: `<iq xmlns='jabber:client'>${items}</iq>`,
      },
    ];
    const lines = formatStep({ ...step, passages, findings: [] }, plain);
    expect(lines).toContain('    + … 20 more lines');
    expect(lines.length).toBeLessThan(30);
  });

  it('ends with the sum', () => {
    const held = { findings: 3, failed: 0, complete: true };
    expect(formatOutcome(held, plain)).toEqual([
      '✓ 3 of 3 statements held, each made on what the other party really received.',
    ]);
    expect(formatOutcome({ ...held, complete: false }, plain)[0]).toMatch(/^✗ .* ended before its end\.$/);
    expect(formatOutcome({ ...held, failed: 1 }, plain)[0]).toMatch(/^✗ 2 of 3 /);
  });
});
