// SPDX-License-Identifier: Apache-2.0
// JSON built in a buffer of fixed size by code that may not allocate. What does not fit can be
// taken back as a whole, so that the text stays well-formed. Not thread-safe; never allocates.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace terrace::control {

class JsonText {
 public:
  JsonText(char* buffer, std::size_t capacity) : data_(buffer), capacity_(capacity) {
    data_[0] = '\0';
  }

  void put(const char* format, ...) __attribute__((format(printf, 2, 3))) {
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(data_ + used_, capacity_ - used_, format, arguments);
    va_end(arguments);
    if (length > 0) used_ += static_cast<std::size_t>(length);
    if (used_ < capacity_) return;
    used_ = capacity_ - 1;
    cut_ = true;
  }

  /// As a JSON string: a path may hold any byte.
  void put_quoted(const char* text) {
    put("\"");
    for (; *text != '\0'; ++text) {
      const auto letter = static_cast<unsigned char>(*text);
      if (letter < ' ' || letter == 0x7f) {
        put("\\u%04x", letter);
      } else {
        put(letter == '"' || letter == '\\' ? "\\%c" : "%c", letter);
      }
    }
    put("\"");
  }

  void put_number(const char* key, std::uint64_t value) {
    put(",\"%s\":%llu", key, static_cast<unsigned long long>(value));
  }

  std::size_t size() const { return used_; }
  std::size_t room() const { return capacity_ - 1 - used_; }
  /// Was anything cut off?
  bool cut() const { return cut_; }
  /// Takes back what was put since size() was `mark`.
  void back_to(std::size_t mark) {
    used_ = mark;
    data_[used_] = '\0';
    cut_ = false;
  }
  const char* data() const { return data_; }

 private:
  char* data_;
  std::size_t capacity_;
  std::size_t used_ = 0;
  bool cut_ = false;
};

}  // namespace terrace::control
