// SPDX-License-Identifier: Apache-2.0
// What a VT100 shows after a program's output: as much of one as ncurses asks of TERM=vt100. For
// the tests of `terrace top`. Not thread-safe; allocates.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace terrace::cli {

class SmallTerminal {
 public:
  SmallTerminal(std::size_t columns, std::size_t rows) { resize(columns, rows); }

  /// An empty screen of another size.
  void resize(std::size_t columns, std::size_t rows);
  void write(const std::string& output);
  /// Rows without blanks at their ends.
  std::vector<std::string> rows() const;
  /// What was not understood; empty when the rows can be believed.
  const std::string& unknown() const { return unknown_; }

 private:
  void letter(char letter);
  void control(char letter);
  void escape(char letter);
  void sequence(char final);
  void scroll_up();
  void scroll_down();
  std::size_t parameter(std::size_t index, std::size_t otherwise) const;
  void erase(std::size_t from, std::size_t to);

  enum class State { kText, kEscape, kSequence, kSkipOne };
  State state_ = State::kText;
  std::size_t columns_ = 0;
  std::size_t rows_ = 0;
  std::size_t column_ = 0;
  std::size_t row_ = 0;
  std::size_t top_ = 0;     ///< of the region that scrolls
  std::size_t bottom_ = 0;  ///< its last row
  bool wraps_ = false;      ///< the next letter begins a new row
  std::string parameters_;
  std::string cells_;
  std::string unknown_;
};

}  // namespace terrace::cli
