import { commandPaths, quoted, type CommandOutline, type ProgramOutline, type Values } from './outline.ts';

/** Returns a completion script for zsh. */
export function zshCompletion(name: string, program: ProgramOutline): string {
  const paths = commandPaths(program).map(quoted).join(' | ');
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), after compinit
_${name}() {
  local at='' files='' i
  local -a commands options values
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      (${paths}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${program.flatMap(optionCases).join('\n')}
    (*)
      case "$at" in
${program.map(commandCase).join('\n')}
      esac
      ;;
  esac
  if (( $#options )) && [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option options
    return
  fi
  if (( $#commands )); then _describe command commands; fi
  if (( $#values )); then compadd -a values; fi
  if [[ -n $files ]]; then _files; fi
}
if [[ \${funcstack[1]} == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function optionCases({ at, options }: CommandOutline): readonly string[] {
  return options.flatMap(({ names, values }) => {
    if (values === undefined) return [];
    const pattern = names.map((option) => quoted(`${at} ${option}`)).join(' | ');
    return [`    (${pattern}) ${assignments(values)} ;;`];
  });
}

function commandCase({ at, commands, options, values }: CommandOutline): string {
  const described = options.flatMap(({ names, description }) =>
    names.map((option) => entry(option, description)),
  );
  const below = commands.map((command) => entry(command.name, command.description));
  return `        (${quoted(at)})
          options=(${described.join(' ')})
          commands=(${below.join(' ')})
          ${assignments(values)} ;;`;
}

/** Returns `word:description`, the form of _describe. */
function entry(word: string, description: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${description}`);
}

function assignments({ words, files }: Values): string {
  return `values=(${words.map(quoted).join(' ')}) files=${files ? 'yes' : "''"}`;
}
