import type { Command } from '../command';
import { PROGRAM } from '../help';
import { choicesOf, optionsOf, quote, takesPool } from './facts';

const fn = PROGRAM.replaceAll('-', '_');

/** Within the specifications of _arguments and _describe, colons and brackets have a meaning. */
function escapeSpec(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(/([:[\]])/g, '\\$1');
}

export function zshScript(commands: readonly Command[]): string {
  const cases = commands.flatMap((command) => {
    const specs = optionsOf(command).map(({ name, takesValue, choices, help }) =>
      quote(
        `--${name}[${escapeSpec(help)}]${takesValue ? `:value:${choices.length > 0 ? `(${choices.join(' ')})` : '_files'}` : ''}`,
      ),
    );
    const choices = choicesOf(command);
    const argument = takesPool(command)
      ? quote(`1:pool:_${fn}_pools`)
      : choices.length > 0
        ? quote(`1:shell:(${choices.join(' ')})`)
        : quote('1::');
    return [`    ${command.name})`, `      _arguments ${[...specs, argument, quote('*:file:_files')].join(' ')}`, '      ;;'];
  });
  const described = commands.map(({ name, summary }) => `    ${quote(`${name}:${escapeSpec(summary)}`)}`);
  return `#compdef ${PROGRAM}
_${fn}_pools() {
  local -a pools
  pools=(\${(f)"$(${PROGRAM} ls --names 2>/dev/null)"})
  # Names that mean nothing to a shell, whatever lies in /dev/shm.
  pools=(\${pools:#*[^A-Za-z0-9_.-]*})
  compadd -a pools
}
_${fn}() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  ((CURRENT--))
  case "$command" in
${cases.join('\n')}
    help)
      _describe command commands
      ;;
  esac
}
if [ "$funcstack[1]" = _${fn} ] || [ "$funcstack[1]" = _${PROGRAM} ]; then
  _${fn} "$@"
else
  compdef _${fn} ${PROGRAM}
fi
`;
}
