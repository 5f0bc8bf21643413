// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/small_terminal.h"

#include <algorithm>
#include <cstdlib>

namespace terrace::cli {

void SmallTerminal::resize(std::size_t columns, std::size_t rows) {
  columns_ = columns;
  rows_ = rows;
  column_ = row_ = top_ = 0;
  bottom_ = rows - 1;
  wraps_ = false;
  cells_.assign(columns * rows, ' ');
}

void SmallTerminal::write(const std::string& output) {
  for (const char byte : output) {
    switch (state_) {
      case State::kText:
        static_cast<unsigned char>(byte) < 0x20 ? control(byte) : letter(byte);
        break;
      case State::kEscape:
        escape(byte);
        break;
      case State::kSequence:
        if (byte >= 0x40 && byte <= 0x7E) {
          state_ = State::kText;
          sequence(byte);
        } else {
          parameters_ += byte;
        }
        break;
      case State::kSkipOne:
        state_ = State::kText;
        break;
    }
  }
}

std::vector<std::string> SmallTerminal::rows() const {
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < rows_; ++row) {
    std::string text = cells_.substr(row * columns_, columns_);
    text.erase(text.find_last_not_of(' ') + 1);
    rows.push_back(text);
  }
  return rows;
}

void SmallTerminal::letter(char letter) {
  if (wraps_) control('\r'), control('\n');
  cells_[row_ * columns_ + column_] = letter;
  if (column_ + 1 < columns_) {
    ++column_;
  } else {
    wraps_ = true;
  }
}

void SmallTerminal::control(char letter) {
  wraps_ = false;
  if (letter == '\r') column_ = 0;
  if (letter == '\b' && column_ > 0) --column_;
  if (letter == '\t') column_ = std::min(columns_ - 1, (column_ / 8 + 1) * 8);
  if (letter == '\x1b') state_ = State::kEscape;
  if (letter != '\n') return;
  if (row_ == bottom_) {
    scroll_up();
  } else if (row_ + 1 < rows_) {
    ++row_;
  }
}

void SmallTerminal::escape(char letter) {
  state_ = State::kText;
  if (letter == '[') {
    state_ = State::kSequence;
    parameters_.clear();
  } else if (letter == '(' || letter == ')') {
    state_ = State::kSkipOne;
  } else if (letter == 'M') {
    row_ == top_ ? scroll_down() : static_cast<void>(--row_);
  } else if (letter != '=' && letter != '>' && letter != '7' && letter != '8') {
    unknown_ += std::string("ESC ") + letter + "; ";
  }
}

void SmallTerminal::sequence(char final) {
  const bool is_private = !parameters_.empty() && parameters_.front() == '?';
  if (final == 'm' || is_private) return;
  wraps_ = false;
  if (final == 'H') {
    row_ = std::min(rows_, parameter(0, 1)) - 1;
    column_ = std::min(columns_, parameter(1, 1)) - 1;
  } else if (final == 'A') {
    row_ -= std::min(row_, parameter(0, 1));
  } else if (final == 'B') {
    row_ = std::min(rows_ - 1, row_ + parameter(0, 1));
  } else if (final == 'C') {
    column_ = std::min(columns_ - 1, column_ + parameter(0, 1));
  } else if (final == 'D') {
    column_ -= std::min(column_, parameter(0, 1));
  } else if (final == 'J') {
    erase(parameter(0, 0) == 0 ? row_ * columns_ + column_ : 0, cells_.size());
  } else if (final == 'K') {
    const bool before = parameter(0, 0) == 1;
    erase(row_ * columns_ + (before ? 0 : column_),
          row_ * columns_ + (before ? column_ + 1 : columns_));
  } else if (final == 'r') {
    top_ = parameter(0, 1) - 1;
    bottom_ = std::min(rows_, parameter(1, rows_)) - 1;
    row_ = column_ = 0;
  } else {
    unknown_ += "CSI " + parameters_ + final + "; ";
  }
}

void SmallTerminal::scroll_up() {
  cells_.erase(top_ * columns_, columns_);
  cells_.insert(bottom_ * columns_, columns_, ' ');
}

void SmallTerminal::scroll_down() {
  cells_.erase(bottom_ * columns_, columns_);
  cells_.insert(top_ * columns_, columns_, ' ');
}

std::size_t SmallTerminal::parameter(std::size_t index, std::size_t otherwise) const {
  std::size_t begin = 0;
  for (; index > 0; --index) {
    begin = parameters_.find(';', begin);
    if (begin == std::string::npos) return otherwise;
    ++begin;
  }
  const std::size_t value = std::strtoul(parameters_.c_str() + begin, nullptr, 10);
  return value == 0 ? otherwise : value;
}

void SmallTerminal::erase(std::size_t from, std::size_t to) {
  std::fill(cells_.begin() + static_cast<std::ptrdiff_t>(from),
            cells_.begin() + static_cast<std::ptrdiff_t>(to), ' ');
}

}  // namespace terrace::cli
