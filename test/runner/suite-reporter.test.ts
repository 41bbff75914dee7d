import { describe, expect, it } from 'vitest';
import { bySuite, renderFigures, type FileFigures } from './suite-reporter.ts';

const files: readonly FileFigures[] = [
  { file: 'test/stream/scanner.test.ts', passed: 10, failed: 0, skipped: 0, seconds: 1 },
  { file: 'test/stream/hostile/tags.test.ts', passed: 5, failed: 1, skipped: 0, seconds: 0.5 },
  { file: 'test/interop/servers.test.ts', passed: 0, failed: 0, skipped: 3, seconds: 12 },
  { file: 'test/architecture.test.ts', passed: 2, failed: 0, skipped: 0, seconds: 0.1 },
];

describe('the figures of a run', () => {
  it('are added up by the first folder under test/, the slowest suite first', () => {
    expect(bySuite(files)).toEqual([
      { suite: 'interop', files: 1, passed: 0, failed: 0, skipped: 3, seconds: 12 },
      { suite: 'stream', files: 2, passed: 15, failed: 1, skipped: 0, seconds: 1.5 },
      { suite: 'architecture.test.ts', files: 1, passed: 2, failed: 0, skipped: 0, seconds: 0.1 },
    ]);
  });

  it('are printed as a table and a list of the slowest files', () => {
    expect(renderFigures(files).split('\n').slice(0, 8)).toEqual([
      ' suite                     files   passed   failed  skipped  seconds',
      ' interop                       1        0        0        3     12.0',
      ' stream                        2       15        1        0      1.5',
      ' architecture.test.ts          1        2        0        0      0.1',
      '',
      ' slowest files, in seconds',
      '     12.0  test/interop/servers.test.ts',
      '      1.0  test/stream/scanner.test.ts',
    ]);
  });
});
