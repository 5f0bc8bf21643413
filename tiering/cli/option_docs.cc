// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/option_docs.h"

#include <string_view>

#include <fmt/format.h>

#include "tiering/cli/option_table.h"
#include "tiering/cli/verb_table.h"
#include "tiering/cli/version.h"

namespace terrace::cli {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (;;) {
    const std::size_t at = text.find(from);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += to;
    text.remove_prefix(at + from.size());
  }
}

bool is_listed(const OptionSpec& spec) {
  for (const VerbSpec& verb : kVerbs) {
    if (verb.visibility == Visibility::kShown && contains(spec.verbs, verb.verb)) return true;
  }
  return false;
}

std::string verbs_of(const OptionSpec& spec) {
  std::string names;
  for (const VerbSpec& verb : kVerbs) {
    if (verb.visibility == Visibility::kShown && contains(spec.verbs, verb.verb))
      names += fmt::format("{}{}", names.empty() ? "" : " ", verb.name);
  }
  return names;
}

std::string flag_of(const OptionSpec& spec, std::string_view value_separator) {
  std::string flag = spec.letter == 0 ? "" : fmt::format("-{}, ", spec.letter);
  flag += fmt::format("--{}", spec.flag());
  if (!spec.unit.empty()) flag += fmt::format("{}{}", value_separator, spec.unit);
  return flag;
}

std::string values_of(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::kFlag:
      return "true, false";
    case OptionType::kPath:
      return "file name";
    case OptionType::kChoice:
      return replaced(spec.choices, "|", ", ");
    case OptionType::kSize:
      return "size: 4096, 512M, 4GiB, 4GB";
    case OptionType::kDuration:
      return "time: 250ns, 4ms, 10s";
    case OptionType::kPercent:
      return "share: 15%, 0.15";
    case OptionType::kRules:
      return "rules: weights*=dram,origin:heap=cxl";
    case OptionType::kInteger:
      return "whole number";
    case OptionType::kText:
      return "text";
  }
  return {};
}

/// A bar would end the table's cell.
std::string cell(std::string_view text) {
  return replaced(text, "|", "\\|");
}

std::string markdown_row(const OptionSpec& spec) {
  const std::string key =
      spec.reach == Reach::kEverywhere ? fmt::format("`{}`", spec.key) : "flag only";
  const std::string fallback = spec.fallback.empty() ? "" : fmt::format("`{}`", spec.fallback);
  return fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", cell(flag_of(spec, " ")), key,
                     values_of(spec), fallback, verbs_of(spec), cell(spec.help));
}

constexpr std::string_view kMarkdownIntro =
    "# Options\n\n"
    "Made by `terrace options --markdown` from the option table (`tiering/cli/option_table.h`); a "
    "test fails when this file differs from it.\n\n"
    "A value comes from the first of these that gives one: the flag, `TERRACE_CONF`, "
    "`./.terrace.toml`, `$XDG_CONFIG_HOME/terrace/config.toml` (`~/.config` when unset), "
    "`/etc/terrace/config.toml`, the built-in value.\n\n"
    "- Files hold `key = value` lines of TOML: `policy = \"weighted\"`, `strict = true`, "
    "`threshold = \"4M\"`. A relative file name is relative to the file that holds it.\n"
    "- `TERRACE_CONF` holds `key:value` pairs separated by commas: "
    "`TERRACE_CONF=\"policy:weighted,strict:true\"`. A comma or backslash in a value takes a "
    "backslash before it.\n"
    "- K, M, G, T and KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB are powers of 1000.\n"
    "- An unknown key or a bad value names its place and the nearest key that exists. It ends a "
    "verb "
    "with 2; `run` and `record` warn and run the program unplaced, or end with 125 under "
    "`strict`.\n\n";

constexpr std::string_view kExitCodes[][2] = {
    {"0", "done"},
    {"1", "a check failed (verify, wall validate)"},
    {"2", "bad input: option, file, value"},
    {"3", "the machine or your rights lack something, or a session lacks what was asked"},
    {"4", "no placement satisfies the constraints, or nothing fits (wall)"},
    {"5", "a file or a system call failed"},
    {"125", "run, record: Terrace itself failed"},
    {"126", "run, record: the program was found and cannot be run"},
    {"127", "run, record: the program was not found"},
    {"128+n", "run, record: the program was ended by signal n"},
};

std::string man_text(std::string_view text) {
  std::string escaped = replaced(replaced(text, "\\", "\\\\"), "-", "\\-");
  return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

std::string man_option(const OptionSpec& spec) {
  std::string text =
      fmt::format(".TP\n.B {}\n{}", man_text(flag_of(spec, " ")), man_text(spec.help));
  text += fmt::format(".\nValues: {}.", man_text(values_of(spec)));
  if (!spec.fallback.empty()) text += fmt::format(" Built-in: {}.", man_text(spec.fallback));
  text += fmt::format("\nVerbs: {}.\n", verbs_of(spec));
  return text;
}

std::string man_verb(const VerbSpec& verb) {
  return fmt::format(".TP\n.B terrace {}\\fR [\\fIOPTIONS\\fR] \\fI{}\\fR\n{}.\n{}\n", verb.name,
                     man_text(verb.argument), man_text(verb.summary), man_text(verb.detail));
}

}  // namespace

std::string options_as_markdown() {
  std::string text(kMarkdownIntro);
  text += "| flag | key | values | built-in | verbs | meaning |\n|---|---|---|---|---|---|\n";
  for (const OptionSpec& spec : kOptions) {
    if (is_listed(spec)) text += markdown_row(spec);
  }
  text += "\n## Verbs\n\n| verb | what it does |\n|---|---|\n";
  for (const VerbSpec& verb : kVerbs) {
    if (verb.visibility == Visibility::kHidden) continue;
    const std::string argument = verb.argument.empty() ? "" : fmt::format(" {}", verb.argument);
    text += fmt::format("| `terrace {}{}` | {} |\n", verb.name, cell(argument), verb.summary);
  }
  text += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const auto& [code, meaning] : kExitCodes)
    text += fmt::format("| {} | {} |\n", code, meaning);
  return text;
}

std::string options_as_man_page() {
  std::string text = ".\\\" SPDX-License-Identifier: Apache-2.0\n";
  text += fmt::format(".TH TERRACE 1 \"\" \"terrace {}\" \"User Commands\"\n", kVersion);
  text +=
      ".SH NAME\nterrace \\- places inference memory over fast and slow tiers\n"
      ".SH SYNOPSIS\n.B terrace\n\\fIVERB\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENT\\fR]\n.SH VERBS\n";
  for (const VerbSpec& verb : kVerbs) {
    if (verb.visibility == Visibility::kShown) text += man_verb(verb);
  }
  text += ".SH OPTIONS\n";
  for (const OptionSpec& spec : kOptions) {
    if (is_listed(spec)) text += man_option(spec);
  }
  text += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : kExitCodes)
    text += fmt::format(".TP\n.B {}\n{}\n", code, man_text(meaning));
  text +=
      ".SH ENVIRONMENT\n.TP\n.B TERRACE_CONF\nOptions as key:value pairs separated by commas; over "
      "the files, under the flags.\n.TP\n.B TERRACE_PRELOAD\nThe preload library to use, in place "
      "of "
      "the one installed.\n.TP\n.B TERRACE_PLAN_FILE\nUnder plain LD_PRELOAD: the flat file to "
      "follow, as terrace plan \\-\\-flat compiles it.\n.SH FILES\n.TP\n.I "
      "/etc/terrace/config.toml\nThe system's "
      "options.\n.TP\n"
      ".I $XDG_CONFIG_HOME/terrace/config.toml\nThe user's.\n.TP\n.I ./.terrace.toml\nThe "
      "project's.\n";
  return text;
}

}  // namespace terrace::cli
