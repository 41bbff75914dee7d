/** How the scanner reads what was forwarded. */
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner, type ScannerSink } from '../../src/stream/scanner.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';
import { describeStanza } from './description.ts';

const workspace = newWorkspace();

/** Descriptions of a document's stanzas. @throws StreamError when it is refused */
export function readByScanner(document: Uint8Array): string[] {
  const descriptions: string[] = [];
  const sink: ScannerSink = {
    header: () => {},
    stanza: (stanza) => descriptions.push(describeStanza(stanza)),
    whitespace: () => {},
    end: () => {},
  };
  const scanner = new Scanner({ names: vocabulary, limits: defaultLimits, workspace, sink });
  scanner.push(document);
  scanner.finish();
  return descriptions;
}
