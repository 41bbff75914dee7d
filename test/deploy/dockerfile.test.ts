import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execForm, readDockerfile, type BuildStage } from '../support/dockerfile.ts';

const root = new URL('../..', import.meta.url).pathname;
const stages = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
const [build, runtime] = stages as [BuildStage, BuildStage];

function texts(stage: BuildStage, name: string): string[] {
  return stage.instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

describe('the Dockerfile', () => {
  it('has a stage to build and a stage to run', () => {
    expect(stages.map(({ image }) => image)).toEqual([
      'docker.io/library/node:24-slim',
      'gcr.io/distroless/nodejs24-debian12:nonroot',
    ]);
  });

  it('runs as a numbered user that is not root', () => {
    expect(texts(runtime, 'USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('needs no shell in the image that runs', () => {
    const started = runtime.instructions.filter(({ name }) => name === 'ENTRYPOINT' || name === 'CMD');
    expect(started.map(execForm)).toEqual([
      ['/nodejs/bin/node', '--disallow-code-generation-from-strings', 'dist/cli/main.js'],
      ['serve'],
    ]);
    expect(texts(runtime, 'RUN')).toEqual([]);
    expect(texts(runtime, 'HEALTHCHECK')).toEqual([]);
  });

  it('labels the image as the package calls itself', () => {
    const labels = texts(runtime, 'LABEL').flatMap((text) => [...text.matchAll(/(\S+?)="([^"]*)"/g)]);
    const label = (name: string): string | undefined =>
      labels.find(([, key]) => key === `org.opencontainers.image.${name}`)?.[2];
    const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
      string,
      string
    >;
    expect([label('title'), label('version'), label('licenses')]).toEqual([name, version, license]);
    expect(label('revision')).toBe('${REVISION}');
    expect(label('description')).toBeTruthy();
  });

  it('takes into the image only what the build left, without development dependencies', () => {
    const copies = texts(runtime, 'COPY');
    expect(copies.length).toBeGreaterThan(0);
    expect(copies.filter((copy) => !copy.startsWith('--from=build /app/'))).toEqual([]);
    expect(texts(build, 'RUN').at(-1)).toBe('npm prune --omit=dev');
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const [first, ...rest] = ignoreLines();
    const permitted = rest.map((line) => line.replace(/^!/, ''));
    expect(first).toBe('*');
    expect(rest.every((line) => /^![\w.-]+$/.test(line))).toBe(true);

    const sources = texts(build, 'COPY').flatMap((copy) => copy.split(/\s+/).slice(0, -1));
    expect(sources.toSorted()).toEqual(permitted.toSorted());
    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
  });
});

function ignoreLines(): string[] {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
