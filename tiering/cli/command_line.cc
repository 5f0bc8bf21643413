// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/command_line.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tiering/cli/suggest.h"
#include "tiering/cli/version.h"

namespace terrace::cli {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kFooter =
    "Configuration: /etc/terrace/config.toml, $XDG_CONFIG_HOME/terrace/config.toml,\n"
    "./.terrace.toml, TERRACE_CONF=\"key:value,...\", flags; the later wins.\n"
    "Sizes take K, M, G, T (powers of 1024).";

/// A verb's CLI11 parser, with the values that it found.
struct VerbParser {
  explicit VerbParser(const VerbSpec& verb_spec);

  const VerbSpec& spec;
  CLI::App app;
  std::array<CLI::Option*, kOptions.size()> options{};
  std::array<std::string, kOptions.size()> texts;
  std::array<bool, kOptions.size()> flags{};
  std::string argument;
  std::string second_argument;
};

std::string flag_names(const OptionSpec& spec) {
  const std::string name = fmt::format("--{}", spec.flag());
  return spec.letter == 0 ? name : fmt::format("-{},{}", spec.letter, name);
}

std::string help_text(const OptionSpec& spec) {
  std::string text(spec.help);
  if (!spec.choices.empty()) text += fmt::format(" ({})", spec.choices);
  if (!spec.fallback.empty() && spec.fallback != "false")
    text += fmt::format(" [{}]", spec.fallback);
  return text;
}

VerbParser::VerbParser(const VerbSpec& verb_spec)
    : spec(verb_spec), app(std::string(verb_spec.summary), "terrace " + std::string(spec.name)) {
  app.set_help_flag("-h,--help", "print this and exit");
  app.allow_extras();
  app.footer(kFooter);
  for (std::size_t index = 0; index < kOptions.size(); ++index) {
    const OptionSpec& option = kOptions[index];
    if (!contains(option.verbs, spec.verb)) continue;
    if (option.type == OptionType::kFlag) {
      options[index] = app.add_flag(flag_names(option), flags[index], help_text(option));
    } else {
      options[index] = app.add_option(flag_names(option), texts[index], help_text(option));
      options[index]->type_name(std::string(option.unit));
    }
    options[index]->take_last();
  }
  if (spec.kind != VerbKind::kOwn || spec.argument.empty()) return;
  const std::size_t blank = spec.argument.find(' ');
  // The usage line shows them: a group without a name is left out of the list.
  app.add_option(std::string(spec.argument.substr(0, blank)), argument)->group("");
  if (blank == std::string_view::npos) return;
  app.add_option(std::string(spec.argument.substr(blank + 1)), second_argument)->group("");
}

/// CLI11 takes the arguments last first.
void parse(VerbParser& parser, Strings arguments) {
  std::reverse(arguments.begin(), arguments.end());
  parser.app.parse(std::move(arguments));
}

/// CLI11's text with a usage line that knows of the program behind a wrapper verb.
std::string verb_help(const VerbSpec& spec) {
  VerbParser parser(spec);
  std::string text = parser.app.help();
  const std::size_t begin = text.find("Usage:");
  const std::size_t end = text.find('\n', begin);
  const std::string tail = spec.argument.empty() ? "" : " " + std::string(spec.argument);
  return text.replace(begin, end - begin,
                      fmt::format("Usage: terrace {} [OPTIONS]{}", spec.name, tail));
}

constexpr const char* kUsual =
    "Usage: terrace VERB [OPTIONS] [ARGUMENT]\n"
    "Places inference memory over fast and slow tiers, and finds out what that gains.\n\n"
    "From a program to a placement that holds:\n"
    "  terrace record -o a.session -- ./server        what of its memory is touched, how often\n"
    "  terrace report a.session                       what is hot, and what it costs\n"
    "  terrace plan a.session -o plan.json            what belongs on which tier, what it gains\n"
    "  terrace run --plan plan.json --record b.session -- ./server\n"
    "  terrace verify plan.json --session b.session   does the prediction hold?\n\n"
    "Verbs:\n";

std::string general_help() {
  std::size_t width = 0;
  for (const VerbSpec& spec : kVerbs) width = std::max(width, spec.name.size());
  std::string text = kUsual;
  const auto add = [&](std::string_view name, std::string_view summary) {
    text += fmt::format("  {:<{}} {}\n", name, width, summary);
  };
  for (const VerbSpec& spec : kVerbs) {
    if (spec.visibility == Visibility::kShown) add(spec.name, spec.summary);
  }
  add("help", "print this, or with a verb's name that verb's options");
  return text + "\n`terrace help VERB` lists a verb's options. " + kFooter + "\n";
}

std::vector<std::string_view> shown_verbs() {
  std::vector<std::string_view> names{"help"};
  for (const VerbSpec& spec : kVerbs) {
    if (spec.visibility == Visibility::kShown) names.push_back(spec.name);
  }
  return names;
}

Error unknown_verb(const std::string& name) {
  const std::string hint = suggestion(name, shown_verbs());
  return make_error(ErrorCode::kUsage, 0, "unknown verb \"%.60s\"%s", name.c_str(),
                    hint.empty() ? "; `terrace help` lists the verbs" : hint.c_str());
}

Error unknown_argument(const VerbSpec& spec, const std::string& text) {
  const std::string verb(spec.name);
  if (text.size() < 2 || text.front() != '-')
    return make_error(ErrorCode::kUsage, 0,
                      "unexpected argument \"%.60s\"; `terrace help %s` says what %s takes",
                      text.c_str(), verb.c_str(), verb.c_str());
  std::vector<std::string_view> keys{"help"};
  for (const OptionSpec& option : kOptions) {
    if (contains(option.verbs, spec.verb)) keys.push_back(option.flag());
  }
  const std::string name = text.substr(0, text.find('='));
  const std::string bare = name.substr(
      name.find_first_not_of('-') == std::string::npos ? name.size() : name.find_first_not_of('-'));
  const std::string best = nearest(bare, keys);
  if (!best.empty())
    return make_error(ErrorCode::kUsage, 0, "unknown option %.60s; did you mean --%s?",
                      name.c_str(), best.c_str());
  return make_error(ErrorCode::kUsage, 0,
                    "unknown option %.60s; `terrace help %s` lists the options", name.c_str(),
                    verb.c_str());
}

CommandLine answered(std::string text) {
  CommandLine line;
  line.answer = std::move(text);
  return line;
}

Result<CommandLine> answer_help(const Strings& arguments) {
  if (arguments.size() < 2 || arguments[1] == "help") return answered(general_help());
  const VerbSpec* spec = find_verb(arguments[1]);
  if (spec == nullptr) return unknown_verb(arguments[1]);
  return answered(verb_help(*spec));
}

void collect_flags(const VerbParser& parser, CommandLine& line) {
  for (std::size_t index = 0; index < kOptions.size(); ++index) {
    if (parser.options[index] == nullptr || parser.options[index]->count() == 0) continue;
    const bool flag = kOptions[index].type == OptionType::kFlag;
    const char* truth = parser.flags[index] ? "true" : "false";
    line.flags.push_back({OptionId(index), flag ? truth : parser.texts[index]});
  }
}

Result<CommandLine> parse_verb(const VerbSpec& spec, Strings own, Strings command) {
  VerbParser parser(spec);
  try {
    parse(parser, std::move(own));
  } catch (const CLI::CallForHelp&) {
    return answered(verb_help(spec));
  } catch (const CLI::ParseError& error) {
    return make_error(ErrorCode::kUsage, 0, "%s; `terrace help %s` lists the options", error.what(),
                      std::string(spec.name).c_str());
  }
  const Strings extras = parser.app.remaining();
  if (!extras.empty()) return unknown_argument(spec, extras.front());
  CommandLine line;
  line.verb = &spec;
  line.argument = parser.argument;
  line.second_argument = parser.second_argument;
  line.command = std::move(command);
  collect_flags(parser, line);
  const bool running = std::any_of(line.flags.begin(), line.flags.end(), [](const GivenFlag& flag) {
    return flag.option.index() == OptionId("pid").index();
  });
  if (running && !line.command.empty())
    return make_error(ErrorCode::kUsage, 0, "--pid records a process that runs: give no program");
  if (spec.kind == VerbKind::kWrapper && line.command.empty() && !running)
    return make_error(ErrorCode::kUsage, 0, "no program given; write terrace %s [OPTIONS] -- CMD",
                      std::string(spec.name).c_str());
  return line;
}

/// How many arguments `text`, which begins with '-', takes with it: itself and perhaps its value.
std::size_t width_of(const std::string& text, Verb verb) {
  const auto takes_value = [verb](const OptionSpec& spec) {
    return contains(spec.verbs, verb) && spec.type != OptionType::kFlag;
  };
  if (text.starts_with("--")) {
    const std::size_t index = find_flag(verb, std::string_view(text).substr(2));
    return index != kNoOption && takes_value(kOptions[index]) ? 2 : 1;
  }
  for (std::size_t at = 1; at < text.size(); ++at) {
    for (const OptionSpec& spec : kOptions) {
      // In "-ofile" the rest is the value, in "-o file" the next argument is.
      if (spec.letter == text[at] && takes_value(spec)) return at + 1 == text.size() ? 2 : 1;
    }
  }
  return 1;
}

}  // namespace

CommandSplit split_command(const Strings& arguments, Verb verb) {
  std::size_t at = 0;
  while (at < arguments.size()) {
    if (arguments[at] == "--") return {at, at + 1};
    if (arguments[at].size() < 2 || arguments[at].front() != '-') return {at, at};
    at += width_of(arguments[at], verb);
  }
  return {arguments.size(), arguments.size()};
}

bool is_wrapper_call(const Strings& arguments) {
  const VerbSpec* spec = arguments.empty() ? nullptr : find_verb(arguments.front());
  return spec != nullptr && spec->kind == VerbKind::kWrapper;
}

Result<CommandLine> parse_command_line(const Strings& arguments) {
  if (arguments.empty())
    return make_error(ErrorCode::kUsage, 0, "no verb given; `terrace help` lists the verbs");
  const std::string& first = arguments.front();
  if (first == "--version" || first == "-V") return answered(fmt::format("terrace {}\n", kVersion));
  if (first == "help" || first == "--help" || first == "-h") return answer_help(arguments);
  const VerbSpec* spec = find_verb(first);
  if (spec == nullptr) return unknown_verb(first);
  Strings own(arguments.begin() + 1, arguments.end());
  if (spec->kind == VerbKind::kOwn) return parse_verb(*spec, std::move(own), {});
  const CommandSplit split = split_command(own, spec->verb);
  Strings command(own.begin() + static_cast<std::ptrdiff_t>(split.command_begin), own.end());
  own.resize(split.own_end);
  return parse_verb(*spec, std::move(own), std::move(command));
}

}  // namespace terrace::cli
