import type { Command } from '../command';
import { PROGRAM } from '../help';
import { choicesOf, optionsOf, quote, takesPool } from './facts';

const fn = PROGRAM.replaceAll('-', '_');

/** Lines that set the values of the option before the word, where it is one of a few. */
function chosen(options: readonly { name: string; choices: readonly string[] }[]): string[] {
  const few = options.filter(({ choices }) => choices.length > 0);
  const cases = few.map(({ name, choices }) => `        --${name}) values=${quote(choices.join(' '))} ;;`);
  return few.length === 0 ? [] : ['      case "$previous" in', ...cases, '      esac'];
}

export function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.flatMap((command) => {
    const options = optionsOf(command);
    const valued = options.filter(({ takesValue }) => takesValue).map(({ name }) => `--${name}`);
    return [
      `    ${command.name})`,
      `      options=${quote(options.map(({ name }) => `--${name}`).join(' '))}`,
      `      valued=${quote(` ${valued.join(' ')} `)}`,
      ...chosen(options),
      ...(takesPool(command) ? ['      pools=1'] : []),
      ...(choicesOf(command).length > 0 ? [`      words=${quote(choicesOf(command).join(' '))}`] : []),
      '      ;;',
    ];
  });
  return `# bash completion for ${PROGRAM}
# Of the lines given, those that begin as the current word does. Data is compared, never expanded as "compgen -W" would.
_${fn}_among() {
  local word
  while IFS= read -r word; do
    if [[ "$word" == "$1"* && "$word" != '' ]]; then COMPREPLY+=("$word"); fi
  done
}
# Names that mean nothing to a shell, whatever lies in /dev/shm.
_${fn}_pools() {
  local pool LC_ALL=C
  while IFS= read -r pool; do
    if [[ "$pool" != *[!A-Za-z0-9_.-]* ]]; then printf '%s\\n' "$pool"; fi
  done < <(${PROGRAM} ls --names 2>/dev/null)
}
_${fn}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  # The shell makes three words of --option=value, and completes the last.
  if [[ "$current" == '=' ]]; then current=''
  elif [[ "$previous" == '=' ]] && ((COMP_CWORD > 2)); then previous="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  local options='' valued='' words='' pools='' values=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _${fn}_among "$current" < <(printf '%s\\n' ${names} --help --version)
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    help)
      words=${quote(names)}
      ;;
  esac
  if [[ "$values" != '' ]]; then
    _${fn}_among "$current" <<< "\${values// /$'\\n'}"
  elif [[ "$current" == -* ]]; then
    _${fn}_among "$current" <<< "\${options// /$'\\n'}"
  elif [[ "$valued" != *" $previous "* ]] && ((COMP_CWORD == 2)) && [[ "$words$pools" != '' ]]; then
    if [[ "$pools" != '' ]]; then _${fn}_among "$current" < <(_${fn}_pools)
    else _${fn}_among "$current" <<< "\${words// /$'\\n'}"
    fi
  else
    # Files: readline finds them, and quotes what a shell would act on.
    compopt -o default 2>/dev/null
  fi
}
complete -F _${fn} ${PROGRAM}
`;
}
