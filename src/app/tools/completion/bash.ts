import { commandPaths, quoted, type CommandOutline, type ProgramOutline, type Values } from './outline.ts';

/** Returns a completion script for bash 4 and later. */
export function bashCompletion(name: string, program: ProgramOutline): string {
  const paths = commandPaths(program).map(quoted).join(' | ');
  return `# Completion of ${name} for bash: source <(${name} completion bash)
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at='' options='' words='' files='' i
  # bash takes the = of --option=value for a word.
  if [[ $current == = ]]; then current=''; elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${paths}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $before" in
${program.flatMap(optionCases).join('\n')}
    *)
      case "$at" in
${program.map(commandCase).join('\n')}
      esac
      ;;
  esac
  if [[ $options && $current == -* ]]; then words=$options files=''; fi
  COMPREPLY=()
  while IFS='' read -r i; do COMPREPLY+=("$i"); done < <(
    compgen -W "$words" -- "$current" || true
    if [[ $files ]]; then compgen -f -- "$current" || true; fi
  )
}
complete -o filenames -F _${name} ${name}
`;
}

function optionCases({ at, options }: CommandOutline): readonly string[] {
  return options.flatMap(({ names, values }) => {
    if (values === undefined) return [];
    const pattern = names.map((option) => quoted(`${at} ${option}`)).join(' | ');
    return [`    ${pattern}) ${assignments(values)} ;;`];
  });
}

function commandCase({ at, commands, options, values }: CommandOutline): string {
  const names = options.flatMap((option) => option.names).join(' ');
  const all = { ...values, words: [...commands.map((command) => command.name), ...values.words] };
  return `        ${quoted(at)}) options=${quoted(names)} ${assignments(all)} ;;`;
}

function assignments({ words, files }: Values): string {
  return `words=${quoted(words.join(' '))} files=${files ? 'yes' : "''"}`;
}
