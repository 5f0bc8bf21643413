// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/json_cursor.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "allocators/base/nearest_word.h"

namespace terrace::plan {
namespace {

constexpr std::size_t kMaxQuoted = 60;  // of a foreign text in a message

const nlohmann::json kNothing;

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (char letter : text.substr(0, kMaxQuoted)) {
    const bool printable = letter >= ' ' && letter <= '~';
    result += printable ? letter : '?';
  }
  return result + (text.size() > kMaxQuoted ? "...'" : "'");
}

// "; did you mean 'x'?", or the whole choice when nothing is near.
std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  if (const std::string_view nearest = nearest_word(word, known); !nearest.empty()) {
    return "; did you mean '" + std::string(nearest) + "'?";
  }
  std::string all;
  for (std::string_view one : known) all += (all.empty() ? "" : ", ") + std::string(one);
  return "; known are: " + all;
}

}  // namespace

void JsonProblem::set(const std::string& path, const std::string& what) {
  if (error_) return;
  error_ = make_error(ErrorCode::kUsage, 0, "%.120s: %.60s: %s", file_.c_str(),
                      path.empty() ? "/" : path.c_str(), what.c_str());
}

bool JsonCursor::expect(bool right_type, const char* wanted) const {
  if (failed()) return false;
  if (right_type) return true;
  complain(std::string("is ") + value_->type_name() + ", must be " + wanted);
  return false;
}

void JsonCursor::expect_keys(std::initializer_list<std::string_view> keys,
                             std::initializer_list<std::string_view> optional) const {
  if (!expect(value_->is_object(), "an object")) return;
  for (const auto& [key, value] : value_->items()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    if (std::find(optional.begin(), optional.end(), key) != optional.end()) continue;
    complain("unknown key " + in_quotes(key) + suggestion(key, {keys.begin(), keys.size()}));
    return;
  }
  for (std::string_view key : keys) {
    if (value_->contains(std::string(key))) continue;
    complain("key '" + std::string(key) + "' is missing; add it or plan again");
    return;
  }
}

JsonCursor JsonCursor::at(std::string_view key) const {
  const std::string below = path_ + "/" + std::string(key);
  if (failed() || !value_->is_object()) return {kNothing, below, *problem_};
  const auto found = value_->find(std::string(key));
  return {found == value_->end() ? kNothing : *found, below, *problem_};
}

std::vector<JsonCursor> JsonCursor::elements() const {
  std::vector<JsonCursor> result;
  if (!expect(value_->is_array(), "an array")) return result;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    result.emplace_back((*value_)[i], path_ + "/" + std::to_string(i), *problem_);
  }
  return result;
}

std::string JsonCursor::text() const {
  if (!expect(value_->is_string(), "a text")) return {};
  return *value_->get_ptr<const std::string*>();
}

bool JsonCursor::boolean() const {
  return expect(value_->is_boolean(), "true or false") && *value_->get_ptr<const bool*>();
}

double JsonCursor::number() const {
  if (!expect(value_->is_number(), "a number")) return 0;
  const double number = value_->get<double>();
  if (std::isfinite(number)) return number;
  complain("is not a finite number");
  return 0;
}

double JsonCursor::amount() const {
  const double value = number();
  if (value < 0) complain("is negative; must be 0 or more");
  return value < 0 ? 0 : value;
}

std::uint64_t JsonCursor::integer(std::uint64_t most) const {
  if (!expect(value_->is_number_unsigned(), "a whole number of 0 or more")) return 0;
  const auto value = value_->get<std::uint64_t>();
  if (value <= most) return value;
  complain(std::to_string(value) + " is too large; at most " + std::to_string(most));
  return 0;
}

std::vector<double> JsonCursor::amounts() const {
  std::vector<double> result;
  for (const JsonCursor& element : elements()) result.push_back(element.amount());
  return result;
}

std::size_t JsonCursor::word_index(const std::string_view* words, std::size_t count) const {
  const std::string word = text();
  if (failed()) return 0;
  const auto* found = std::find(words, words + count, word);
  if (found != words + count) return static_cast<std::size_t>(found - words);
  complain("unknown word " + in_quotes(word) + suggestion(word, {words, count}));
  return 0;
}

}  // namespace terrace::plan
