// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/completion.h"

#include <string_view>

#include <fmt/format.h>

#include "tiering/cli/option_table.h"
#include "tiering/cli/verb_table.h"

namespace terrace::cli {
namespace {

std::string shown_verbs() {
  std::string names = "help";
  for (const VerbSpec& verb : kVerbs) {
    if (verb.visibility == Visibility::kShown) names += fmt::format(" {}", verb.name);
  }
  return names;
}

std::string flags_of(Verb verb) {
  std::string flags = "--help";
  for (const OptionSpec& spec : kOptions) {
    if (!contains(spec.verbs, verb)) continue;
    flags += fmt::format(" --{}", spec.flag());
    if (spec.letter != 0) flags += fmt::format(" -{}", spec.letter);
  }
  return flags;
}

std::string words_of(std::string_view choices) {
  std::string words(choices);
  for (char& c : words) {
    if (c == '|') c = ' ';
  }
  return words;
}

/// A line of the case over the word before the cursor; empty for flags that take no value.
std::string value_case(const OptionSpec& spec) {
  std::string names = fmt::format("--{}", spec.flag());
  if (spec.letter != 0) names += fmt::format("|-{}", spec.letter);
  switch (spec.type) {
    case OptionType::kFlag:
      return {};
    case OptionType::kChoice:
      return fmt::format("    {}) words=\"{}\" ;;\n", names, words_of(spec.choices));
    case OptionType::kPath:
      return fmt::format("    {}) compopt -o default; return ;;\n", names);
    default:
      return fmt::format("    {}) return ;;\n", names);
  }
}

/// What follows a verb's options.
std::string argument_words(const VerbSpec& verb) {
  switch (verb.verb) {
    case Verb::kWall:
      return "predict compare edge size validate names";
    case Verb::kSimulate:
      return "placement kv";
    case Verb::kCompletion:
      return "bash";
    default:
      return {};
  }
}

constexpr std::string_view kBegin =
    "# bash completion for terrace; written by `terrace completion bash`\n"
    "_terrace() {\n"
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words= at "
    "verb=\n"
    "  COMPREPLY=()\n"
    "  for ((at = 1; at < COMP_CWORD; ++at)); do\n"
    "    case ${COMP_WORDS[at]} in -*) ;; *) verb=${COMP_WORDS[at]}; break ;; esac\n"
    "  done\n";

constexpr std::string_view kEnd =
    "  if [[ $current != -* ]]; then\n"
    "    COMPREPLY=($(compgen -W \"$arguments\" -- \"$current\"))\n"
    "    [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default\n"
    "    return\n"
    "  fi\n"
    "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
    "}\n"
    "complete -F _terrace terrace\n";

/// After the program's own name its completion begins.
std::string program_case() {
  return "  case $verb in run|record)\n"
         "    local begin=$((at + 1))\n"
         "    while ((begin < COMP_CWORD)) && [[ ${COMP_WORDS[begin]} != -- ]]; do ((++begin)); "
         "done\n"
         "    if ((begin < COMP_CWORD)); then\n"
         "      if declare -F _command_offset >/dev/null; then _command_offset $((begin + 1)); "
         "else\n"
         "        COMPREPLY=($(compgen -c -- \"$current\"))\n"
         "      fi\n"
         "      return\n"
         "    fi ;;\n"
         "  esac\n";
}

}  // namespace

std::string bash_completion() {
  std::string text(kBegin);
  text += fmt::format(
      "  if [[ -z $verb || $verb == help ]]; then\n"
      "    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$current\"))\n    return\n  fi\n",
      shown_verbs());
  text += program_case();
  text += "  case $previous in\n";
  for (const OptionSpec& spec : kOptions) text += value_case(spec);
  text +=
      "  esac\n"
      "  if [[ -n $words ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n    return\n  fi\n"
      "  local arguments=\n  case $verb in\n";
  for (const VerbSpec& verb : kVerbs) {
    if (verb.visibility == Visibility::kHidden) continue;
    text += fmt::format("    {}) words=\"{}\" arguments=\"{}\" ;;\n", verb.name,
                        flags_of(verb.verb), argument_words(verb));
  }
  text += "  esac\n";
  text += kEnd;
  return text;
}

}  // namespace terrace::cli
