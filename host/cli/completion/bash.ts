import type { Command } from '../command';
import { PROGRAM } from '../help';
import { choicesOf, optionsOf, quote, takesPool } from './facts';

const fn = PROGRAM.replaceAll('-', '_');

export function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.flatMap((command) => {
    const options = optionsOf(command);
    const valued = options.filter(({ takesValue }) => takesValue).map(({ name }) => `--${name}`);
    return [
      `    ${command.name})`,
      `      options=${quote(options.map(({ name }) => `--${name}`).join(' '))}`,
      `      valued=${quote(` ${valued.join(' ')} `)}`,
      ...(takesPool(command) ? [`      words="$(${PROGRAM} ls --names 2>/dev/null)"`] : []),
      ...(choicesOf(command).length > 0 ? [`      words=${quote(choicesOf(command).join(' '))}`] : []),
      '      ;;',
    ];
  });
  return `# bash completion for ${PROGRAM}
_${fn}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local options='' valued='' words=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W ${quote(`${names} --help --version`)} -- "$current")
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    help)
      words=${quote(names)}
      ;;
  esac
  if [[ "$current" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ "$valued" == *" $previous "* ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _${fn} ${PROGRAM}
`;
}
