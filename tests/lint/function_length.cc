// SPDX-License-Identifier: Apache-2.0
// How long functions are, by counting braces in clang-formatted code. A brace at namespace or class
// level opens a function when what stands before it, the head, has a parameter list and is neither
// a type nor an initialiser.
#include <string_view>
#include <vector>

#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

constexpr std::size_t kMaxFunctionLines = 70;

enum class Scope : unsigned char {
  kDeclarations,  ///< namespace, extern "C", class: functions may begin in it
  kInitialiser,   ///< value in braces, enumeration: nothing begins in it, and the head goes on
  kFunction,
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

/// The head without `template <...>` before it.
std::string_view without_template(std::string_view head) {
  head = trimmed(head);
  if (!head.starts_with("template")) return head;
  int depth = 0;
  for (std::size_t at = head.find('<'); at < head.size(); ++at) {
    if (head[at] == '<') ++depth;
    if (head[at] == '>' && --depth == 0) return without_template(head.substr(at + 1));
  }
  return head;
}

/// `: member_{`, where the brace belongs to a constructor's initialiser and not to its body.
bool is_member_initialiser(std::string_view head) {
  const std::size_t list = head.find(") :");
  if (list == std::string_view::npos || head.empty()) return false;
  return head.back() != ')' && head.back() != '}';
}

Scope scope_after(std::string_view whole_head) {
  const std::string_view head = without_template(whole_head);
  const bool has_parameters = head.find('(') != std::string_view::npos;
  for (const std::string_view word : {"namespace", "extern \""}) {
    if (head.starts_with(word) && !has_parameters) return Scope::kDeclarations;
  }
  if (head.starts_with("inline namespace")) return Scope::kDeclarations;
  for (const std::string_view word : {"class ", "struct ", "union "}) {
    if (head.starts_with(word) && head.find(") ") == std::string_view::npos) {
      return Scope::kDeclarations;
    }
  }
  if (!has_parameters || head.ends_with('=') || is_member_initialiser(head)) {
    return Scope::kInitialiser;
  }
  return Scope::kFunction;
}

class Scanner {
 public:
  explicit Scanner(const SourceFile& file) : file_(file) {}

  Findings run() {
    for (line_ = 0; line_ < file_.code.size(); ++line_) {
      const std::string& text = file_.code[line_];
      if (text.starts_with('#')) continue;
      for (const char c : text) take(c);
      take('\n');
    }
    return std::move(findings_);
  }

 private:
  bool in(Scope scope) const { return !scopes_.empty() && scopes_.back() == scope; }

  void take(char c) {
    if (in(Scope::kFunction)) return inside_function(c);
    if (c == '{') return open();
    if (c == '}') return close();
    if (in(Scope::kInitialiser)) return;
    if (c == '(') ++parentheses_;
    if (c == ')') --parentheses_;
    const bool label = c == ':' && is_access_label();
    if ((c == ';' && parentheses_ == 0) || label) return head_.clear();
    if (trimmed(head_).empty() && c != ' ' && c != '\n') head_line_ = line_;
    head_ += c;
  }

  bool is_access_label() const {
    const std::string_view head = trimmed(head_);
    return head == "public" || head == "private" || head == "protected";
  }

  void open() {
    // Inside parentheses a brace is a default argument or a value.
    const Scope scope =
        in(Scope::kInitialiser) || parentheses_ != 0 ? Scope::kInitialiser : scope_after(head_);
    scopes_.push_back(scope);
    if (scope == Scope::kFunction) braces_ = 1;
    if (scope == Scope::kDeclarations) head_.clear();
  }

  void close() {
    if (in(Scope::kInitialiser)) head_ += '}';
    if (in(Scope::kDeclarations)) head_.clear();
    if (!scopes_.empty()) scopes_.pop_back();
  }

  void inside_function(char c) {
    if (c == '{') ++braces_;
    if (c != '}' || --braces_ != 0) return;
    scopes_.pop_back();
    head_.clear();
    const std::size_t length = line_ - head_line_ + 1;
    if (length <= kMaxFunctionLines) return;
    findings_.push_back({file_.path, head_line_ + 1, "function-length",
                         std::to_string(length) + " lines, more than 70; name its parts"});
  }

  const SourceFile& file_;
  std::size_t line_ = 0;
  std::vector<Scope> scopes_;
  std::string head_;  ///< since the last declaration ended
  std::size_t head_line_ = 0;
  int parentheses_ = 0;
  int braces_ = 0;  ///< open ones of the function that is being measured
  Findings findings_;
};

}  // namespace

Findings check_function_length(const SourceFile& file) {
  return Scanner(file).run();
}

}  // namespace terrace::lint
