// SPDX-License-Identifier: Apache-2.0
#include "protocol.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace kv_server {
namespace {

using Kind = Command::Kind;

struct Form {
  std::string_view verb;
  Kind kind;
  bool has_tokens;
};
constexpr std::array<Form, 5> kForms = {{{"start", Kind::kStart, true},
                                         {"turn", Kind::kTurn, true},
                                         {"fork", Kind::kFork, true},
                                         {"end", Kind::kEnd, false},
                                         {"stats", Kind::kStats, false}}};

/// Words of a line, with what is wrong about the first bad one.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view next() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    const std::string_view word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(word.size());
    return word;
  }
  bool at_end() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    return rest_.empty();
  }
  std::uint64_t number(const char* what, std::uint64_t most) {
    const std::string_view word = next();
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (failed != std::errc() || end != word.data() + word.size() || value > most) {
      say(std::string(what) + ": a number up to " + std::to_string(most) + " is wanted");
    }
    return value;
  }
  void say(std::string text) {
    if (error_.empty()) error_ = std::move(text);
  }
  const std::string& error() const { return error_; }

 private:
  std::string_view rest_;
  std::string error_;
};

void read_work(Words& words, Command& command) {
  if (command.kind == Kind::kStart) {
    command.tenant = static_cast<std::uint32_t>(words.number("tenant", UINT32_MAX));
    command.max_tokens = words.number("max tokens", kMaxTokens);
  } else {
    command.session = words.number("session", UINT64_MAX);
  }
  command.generate = words.number("tokens to generate", kMaxTokens);
  while (words.error().empty() && !words.at_end()) {
    command.tokens.push_back(static_cast<Token>(words.number("token", kVocabulary - 1)));
  }
  if (command.generate == 0) words.say("tokens to generate: at least 1");
  if (command.tokens.empty()) words.say("no tokens");
}

}  // namespace

Parsed parse_command(std::string_view line) {
  Words words(line);
  const std::string_view verb = words.next();
  Parsed parsed;
  for (const Form& form : kForms) {
    if (form.verb != verb) continue;
    parsed.command.kind = form.kind;
    parsed.command.request = words.number("request", UINT64_MAX);
    if (form.has_tokens) read_work(words, parsed.command);
    if (form.kind == Kind::kEnd) parsed.command.session = words.number("session", UINT64_MAX);
    if (words.error().empty() && !words.at_end()) words.say("too many words");
    parsed.error = words.error();
    return parsed;
  }
  parsed.error = "the first word is none of start, turn, fork, end, stats";
  return parsed;
}

std::string format_command(const Command& command) {
  std::string line;
  for (const Form& form : kForms) {
    if (form.kind == command.kind) line = form.verb;
  }
  const auto add = [&](std::uint64_t number) { line += ' ' + std::to_string(number); };
  add(command.request);
  if (command.kind == Kind::kStart) {
    add(command.tenant);
    add(command.max_tokens);
  } else if (command.kind != Kind::kStats) {
    add(command.session);
  }
  if (command.kind == Kind::kEnd || command.kind == Kind::kStats) return line;
  add(command.generate);
  for (const Token token : command.tokens) add(static_cast<std::uint64_t>(token));
  return line;
}

std::string token_line(std::uint64_t request, std::uint64_t position, const Answer& answer) {
  char line[128];
  std::snprintf(line, sizeof line, "token %llu %llu %d %08x",
                static_cast<unsigned long long>(request), static_cast<unsigned long long>(position),
                answer.next, answer.digest);
  return line;
}

std::string done_line(std::uint64_t request, std::uint64_t reused, std::uint64_t computed) {
  return "done " + std::to_string(request) + ' ' + std::to_string(reused) + ' ' +
         std::to_string(computed);
}

std::string refused_line(std::uint64_t request, std::string_view reason) {
  return "refused " + std::to_string(request) + ' ' + std::string(reason);
}

std::string error_line(std::uint64_t request, std::string_view reason) {
  return "error " + std::to_string(request) + ' ' + std::string(reason);
}

}  // namespace kv_server
