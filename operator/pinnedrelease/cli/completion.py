"""``pinrel completion``: a script for the shell, which asks ``pinrel __complete`` at each tab."""

from __future__ import annotations

import argparse

from pinnedrelease.cli.candidates import SHELLS
from pinnedrelease.cli.output import out

BASH = """\
# bash completion of pinrel; load it with: source <(pinrel completion bash)
_pinrel() {
  local line directive="" word
  COMPREPLY=()
  while IFS='' read -r line; do
    case "$line" in
      :*) directive="${line#:}" ;;
      *) COMPREPLY+=("${line%%$'\\t'*}") ;;
    esac
  done < <(pinrel __complete "${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null)
  if [ "$directive" = 0 ]; then
    word="${COMP_WORDS[$COMP_CWORD]}"
    while IFS='' read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _pinrel pinrel
"""
ZSH = """\
#compdef pinrel
# zsh completion of pinrel; load it with: source <(pinrel completion zsh)
_pinrel() {
  local line directive=""
  local -a found
  while IFS='' read -r line; do
    case "$line" in
      :*) directive="${line#:}" ;;
      *$'\\t'*) found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}") ;;
      *) found+=("${line//:/\\\\:}") ;;
    esac
  done < <(pinrel __complete "${words[@]:1:$((CURRENT-1))}" 2>/dev/null)
  (( ${#found} )) && _describe pinrel found
  if [ "$directive" = 0 ]; then _files; fi
}
compdef _pinrel pinrel
"""
FISH = """\
# fish completion of pinrel; load it with: pinrel completion fish | source
function __pinrel_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (pinrel __complete $words[2..-1] 2>/dev/null)
  string match -v -r '^:' -- $lines
  if test "$lines[-1]" = ":0"
    __fish_complete_path (commandline -ct)
  end
end
complete -c pinrel -f -a '(__pinrel_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which shell."""
    parser.add_argument("shell", choices=SHELLS, help="shell that the script is for")


def run(given: argparse.Namespace) -> int:
    """Print the script."""
    out(SCRIPTS[given.shell])
    return 0
