// SPDX-License-Identifier: Apache-2.0
// A strict walk through a JSON document: each value knows its path, the first thing that is wrong
// is kept, later ones are not looked at. Used by plan_json_read.cc.
// Not thread-safe; allocates; throws nothing.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

namespace terrace::plan {

class JsonProblem {
 public:
  explicit JsonProblem(std::string file) : file_(std::move(file)) {}
  void set(const std::string& path, const std::string& what);
  bool found() const { return error_.has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::string file_;
  std::optional<Error> error_;
};

class JsonCursor {
 public:
  JsonCursor(const nlohmann::json& value, std::string path, JsonProblem& problem)
      : value_(&value), path_(std::move(path)), problem_(&problem) {}

  /// Reports a value that is no object, keys that are missing and keys that are unknown; those of
  /// `optional` may be there or not.
  void expect_keys(std::initializer_list<std::string_view> keys,
                   std::initializer_list<std::string_view> optional = {}) const;

  /// Member of an object; a null value after a problem was found.
  JsonCursor at(std::string_view key) const;
  /// Elements of an array; none after a problem was found.
  std::vector<JsonCursor> elements() const;

  std::string text() const;
  bool boolean() const;
  double number() const;  ///< finite
  double amount() const;  ///< finite and not negative
  std::uint64_t integer(std::uint64_t most) const;
  std::vector<double> amounts() const;

  /// Index of the value's text in `words`.
  template <typename Enum, std::size_t N>
  Enum word(const std::array<std::string_view, N>& words) const {
    return static_cast<Enum>(word_index(words.data(), N));
  }

  void complain(const std::string& what) const { problem_->set(path_, what); }
  bool failed() const { return problem_->found(); }

 private:
  std::size_t word_index(const std::string_view* words, std::size_t count) const;
  bool expect(bool right_type, const char* wanted) const;

  const nlohmann::json* value_;
  std::string path_;
  JsonProblem* problem_;
};

}  // namespace terrace::plan
