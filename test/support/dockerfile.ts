/** A Dockerfile as data: its stages and their instructions, arguments filled in with their defaults. */
export interface Instruction {
  readonly name: string;
  /** What follows the name; of a continued line, joined. */
  readonly text: string;
}

export interface BuildStage {
  readonly image: string;
  /** The name after AS. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** @throws Error for an instruction before the first FROM that is not ARG with a default. */
export function readDockerfile(text: string): BuildStage[] {
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  const defaults = new Map<string, string>();
  for (const instruction of instructions(text)) {
    const stage = stages.at(-1);
    if (instruction.name === 'FROM') stages.push(from(instruction.text, defaults));
    else if (stage) stage.instructions.push(instruction);
    else setDefault(instruction, defaults);
  }
  return stages;
}

/** The words of an instruction in exec form; undefined for the shell form. */
export function execForm({ text }: Instruction): string[] | undefined {
  return text.startsWith('[') ? (JSON.parse(text) as string[]) : undefined;
}

function instructions(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join('\n').replaceAll('\\\n', ' ');
  return joined.split('\n').map((line) => {
    const [, name, rest] = /^\s*(\w+)\s+(.*?)\s*$/.exec(line)!;
    return { name: name!.toUpperCase(), text: rest! };
  });
}

function from(
  text: string,
  defaults: ReadonlyMap<string, string>,
): BuildStage & { instructions: Instruction[] } {
  const [image = '', , name] = text.split(/\s+/);
  const filled = image.replace(/\$\{(\w+)\}/g, (_, argument: string) => defaults.get(argument) ?? '');
  return { image: filled, name, instructions: [] };
}

function setDefault({ name, text }: Instruction, defaults: Map<string, string>): void {
  const [, argument, value] = /^(\w+)=(\S+)$/.exec(text) ?? [];
  if (name !== 'ARG' || !argument || !value) throw new Error(`${name} ${text} before the first FROM`);
  defaults.set(argument, value);
}
