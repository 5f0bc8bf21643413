// SPDX-License-Identifier: Apache-2.0
#include "tests/lint/source_file.h"

#include <algorithm>
#include <utility>

namespace terrace::lint {
namespace {

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

/// Copies code and blanks everything else, with one look at each character.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text) {}

  std::string blanked() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  char next() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : '\0'; }

  void step() {
    const char c = text_[at_];
    if (c == '/' && next() == '/') return blank_until("\n", Keep::kEnd);
    if (c == '/' && next() == '*') return blank_until("*/", Keep::kNothing);
    if (c == '"' && at_ != 0 && text_[at_ - 1] == 'R') return blank_raw_string();
    // 1'000 separates digits, it opens nothing.
    const bool separator = c == '\'' && at_ != 0 && is_word(text_[at_ - 1]);
    if (c == '"' || (c == '\'' && !separator)) return blank_literal(c);
    out_ += c;
    ++at_;
  }

  enum class Keep : unsigned char { kNothing, kEnd };

  void blank(std::size_t end) {
    for (; at_ < end && at_ < text_.size(); ++at_) out_ += text_[at_] == '\n' ? '\n' : ' ';
  }

  void blank_until(std::string_view terminator, Keep keep) {
    const std::size_t end = text_.find(terminator, at_ + 2);
    if (end == std::string_view::npos) return blank(text_.size());
    blank(keep == Keep::kEnd ? end : end + terminator.size());
  }

  void blank_raw_string() {
    const std::size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return blank(text_.size());
    const std::string close = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    const std::size_t end = text_.find(close, open);
    blank(end == std::string_view::npos ? text_.size() : end + close.size());
  }

  /// The quotes stay, so that `extern "C" {` and `#include "x.h"` keep their form.
  void blank_literal(char quote) {
    out_ += quote;
    ++at_;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      blank(at_ + (text_[at_] == '\\' ? 2 : 1));
    }
    if (at_ < text_.size() && text_[at_] == quote) {
      out_ += quote;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool in_sources_of_a_layer(std::string_view path) {
  const std::string_view top = path.substr(0, path.find('/'));
  return std::find(kLayers.begin(), kLayers.end(), top) != kLayers.end() &&
         path.find("/include/terrace/") == std::string_view::npos;
}

SourceFile parse_source(std::string path, Language language, std::string_view text) {
  SourceFile file{std::move(path), language, split_lines(text), {}};
  file.code = language == Language::kCxx ? split_lines(Blanker(text).blanked()) : file.lines;
  file.code.resize(file.lines.size());
  return file;
}

}  // namespace terrace::lint
