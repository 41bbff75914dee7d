import { describe, expect, it } from 'vitest';
import { advertisementShape, distinguishable, idFormat } from '../../src/capabilities/cohort.ts';
import { advertise, discoAnswer, rewriteInfo } from '../../src/capabilities/rewrite.ts';
import { bombus, infoOf, tkabber } from './disco-xml.ts';
import { shipped, table } from './shipped.ts';

const one = "<presence id='a1b2' from='a@b.example/x'><show>away</show><priority>1</priority></presence>";

describe('differences between clients', () => {
  it.each([
    [
      'the order of elements',
      one.replace('<show>away</show><priority>1</priority>', '<priority>1</priority><show>away</show>'),
    ],
    [
      'the order of attributes',
      one.replace("id='a1b2' from='a@b.example/x'", "from='a@b.example/x' id='a1b2'"),
    ],
    ['the quotes', one.replaceAll("'", '"')],
    ['white space', one.replace('<show>', ' <show>')],
    ['the format of ids', one.replace('a1b2', 'purple-a1b2')],
    ['a missing id', one.replace("id='a1b2' ", '')],
  ])('%s', (_, other) => {
    expect(distinguishable([[one], [other]])).toBe(2);
  });

  it('are not addresses, nor the value of an id', () => {
    expect(
      distinguishable([[one], [one.replace('a1b2', 'c3d4').replace('a@b.example/x', 'c@d.example/y')]]),
    ).toBe(1);
    expect(advertisementShape(one)).toBe(
      "<presence id='f{4}' from='local@domain/resource'><show>away</show><priority>1</priority></presence>",
    );
  });

  it('recognises the usual formats of ids', () => {
    expect(idFormat('7')).toBe(idFormat('12345'));
    expect(idFormat('0b1f3c1e-6a55-4c39-9a77-0d3b5d1f2a11')).toBe('f{8}-f{4}-f{4}-f{4}-f{12}');
    expect(idFormat('3EB0AA')).not.toBe(idFormat('3eb0aa'));
  });
});

it('two real clients of one cohort profile: two before, one after', () => {
  const profile = shipped.get('phone')!;
  const before = [bombus, tkabber];
  const after = before.map((xml) => {
    const advertisement = advertise(rewriteInfo(infoOf(xml), profile, table).info, profile);
    return [`<presence>${advertisement.elements}</presence>`, discoAnswer(advertisement)];
  });
  expect(distinguishable(before.map((xml) => [xml]))).toBe(2);
  expect(distinguishable(after)).toBe(1);
});
