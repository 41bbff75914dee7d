/** A user of the gatekeeper's own app who answers by itself: it reads each message, answers it with the same content, and
 *  returns each chat state. */
import { randomBytes } from 'node:crypto';
import { honest, type Manners } from './manners.ts';
import type { ChatNode } from './node.ts';

/** What the robot does; each is done by default. */
export interface RobotHabits {
  readonly reads?: boolean;
  readonly answers?: boolean;
  readonly types?: boolean;
}

/** Makes the manners of a robot, in addition to those of an honest client. */
export function robotManners({ reads = true, answers = true, types = true }: RobotHabits = {}): Manners {
  return (node) => {
    const { tag, attrs, content } = node;
    const { id = '', from: to = '', type } = attrs;
    const own: ChatNode[] = [];
    if (tag === 'message' && reads) own.push({ tag: 'receipt', attrs: { id, to, type: 'read' } });
    if (tag === 'message' && answers) own.push(message(to, type, content));
    if (tag === 'chatstate' && types) own.push({ tag, attrs: { to }, ...(content && { content }) });
    return [...honest(node), ...own];
  };
}

function message(to: string, type: string | undefined, content: ChatNode['content']): ChatNode {
  const attrs = { id: randomBytes(8).toString('hex').toUpperCase(), to, type: type ?? 'text' };
  return { tag: 'message', attrs, ...(content && { content }) };
}
