import {
  commandPaths,
  type CommandOutline,
  type OptionOutline,
  type ProgramOutline,
  type Values,
} from './outline.ts';

/** Returns a completion script for fish 3 and later. */
export function fishCompletion(name: string, program: ProgramOutline): string {
  return `# Completion of ${name} for fish: ${name} completion fish | source
function __${name}_at
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${commandPaths(program).map(inQuotes).join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c ${name} -f
${program.flatMap((command) => commandLines(name, command)).join('\n')}
`;
}

function commandLines(name: string, { at, commands, options, values }: CommandOutline): readonly string[] {
  const start = `complete -c ${name} -n "__${name}_at '${at}'"`;
  return [
    ...commands.map((each) => `${start} -a ${inQuotes(each.name)} -d ${inQuotes(each.description)}`),
    ...options.map((option) => `${start} ${optionFlags(option)} -d ${inQuotes(option.description)}`),
    ...(values.words.length > 0 || values.files ? [`${start} ${valueFlags(values)}`] : []),
  ];
}

function optionFlags({ names, values }: OptionOutline): string {
  const flags = names.map((option) =>
    option.startsWith('--') ? `-l ${inQuotes(option.slice(2))}` : `-s ${inQuotes(option.slice(1))}`,
  );
  return [...flags, ...(values === undefined ? [] : ['-r', valueFlags(values)])].join(' ');
}

function valueFlags({ words, files }: Values): string {
  return [files ? '-F' : '-f', ...(words.length === 0 ? [] : [`-a ${inQuotes(words.join(' '))}`])].join(' ');
}

/** Returns a text in single quotes, in which fish has two escapes. */
function inQuotes(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
